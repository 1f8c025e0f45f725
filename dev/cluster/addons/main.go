// CoreDNS with the few plugins a small cluster needs (its full list pulls in cloud vendors' SDKs), a loopback image registry that
// keeps its layers on disk, and a maker of one-binary images. helm, versitygw and kubeconform are built as they are: go.mod names
// them as tools.
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
	switch filepath.Base(os.Args[0]) {
	case "registry":
		serveRegistry()
	case "scratch-image":
		makeScratchImage(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	default:
		// Only plugins that are compiled in may be named; the order is the order a query passes through them.
		dnsserver.Directives = []string{"ready", "errors", "template", "kubernetes"}
		coremain.Run()
	}
}

func serveRegistry() {
	address := flag.String("address", "127.0.0.1:5000", "where to listen")
	folder := flag.String("dir", ".", "where blobs are kept")
	flag.Parse()
	quiet := registry.Logger(log.New(os.Stderr, "", log.LstdFlags))
	log.Fatal(http.ListenAndServe(*address, registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(*folder)), quiet)))
}
