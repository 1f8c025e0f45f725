package main

import (
	"archive/tar"
	"bytes"
	"io"
	"log"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// makeScratchImage writes an archive `ctr images import` reads: nothing but one static binary, which is also the entrypoint.
func makeScratchImage(binary, inside, tag, archive string) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return oneFile(binary, inside) })
	check(err)
	image, err := mutate.AppendLayers(empty.Image, layer)
	check(err)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, RootFS: rootFS(image), Config: v1.Config{Entrypoint: []string{inside}},
	})
	check(err)
	reference, err := name.NewTag(tag)
	check(err)
	check(tarball.WriteToFile(archive, reference, image))
}

func oneFile(binary, inside string) (io.ReadCloser, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	header := &tar.Header{Name: strings.TrimPrefix(inside, "/"), Mode: 0o755, Size: int64(len(content))}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	return io.NopCloser(&out), writer.Close()
}

func rootFS(image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	check(err)
	return config.RootFS
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
