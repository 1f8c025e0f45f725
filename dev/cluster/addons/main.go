// CoreDNS with the few plugins a small cluster needs (its full list pulls in cloud vendors' SDKs), and a loopback image registry that
// keeps its layers on disk. helm, versitygw and kubeconform are built as they are: go.mod names them as tools.
package main

import (
	"bytes"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if filepath.Base(os.Args[0]) == "registry" {
		serveRegistry()
		return
	}
	// Only plugins that are compiled in may be named; the order is the order a query passes through them.
	dnsserver.Directives = []string{"ready", "errors", "template", "kubernetes"}
	coremain.Run()
}

func serveRegistry() {
	address := flag.String("address", "127.0.0.1:5000", "where to listen")
	folder := flag.String("dir", ".", "where blobs and manifests are kept")
	flag.Parse()
	handler := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(*folder)))
	log.Fatal(http.ListenAndServe(*address, remembering(handler, filepath.Join(*folder, "manifests"))))
}

// The registry keeps manifests in memory only: this writes each down as it is put, and puts them all again at the start.
func remembering(handler http.Handler, folder string) http.Handler {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		log.Fatal(err)
	}
	files, _ := os.ReadDir(folder)
	for _, file := range files {
		path, _ := url.PathUnescape(file.Name())
		content, _ := os.ReadFile(filepath.Join(folder, file.Name()))
		kind, body, _ := bytes.Cut(content, []byte("\n"))
		request := httptest.NewRequest(http.MethodPut, path, bytes.NewReader(body))
		request.Header.Set("Content-Type", string(kind))
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPut && strings.Contains(request.URL.Path, "/manifests/") {
			body, _ := io.ReadAll(request.Body)
			content := append([]byte(request.Header.Get("Content-Type")+"\n"), body...)
			if err := os.WriteFile(filepath.Join(folder, url.PathEscape(request.URL.Path)), content, 0o644); err != nil {
				log.Print(err)
			}
			request.Body = io.NopCloser(bytes.NewReader(body))
		}
		handler.ServeHTTP(answer, request)
	})
}
