// CoreDNS with the few plugins a small cluster needs (its full list pulls in cloud vendors' SDKs), and a loopback image registry that
// keeps its layers on disk. helm, versitygw and kubeconform are built as they are: go.mod names them as tools.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"
	"path/filepath"

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
	folder := flag.String("dir", ".", "where blobs are kept")
	flag.Parse()
	log.Fatal(http.ListenAndServe(*address, registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(*folder)))))
}
