// modproxy FOLDER VERSION PROXY writes the module in FOLDER to PROXY in the layout of a Go module proxy, for
// GOPROXY=file://PROXY.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	log.SetFlags(0)
	folder, version, proxy := os.Args[1], os.Args[2], os.Args[3]
	mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	check(err)
	of := module.Version{Path: modfile.ModulePath(mod), Version: version}
	escaped, err := module.EscapePath(of.Path)
	check(err)
	versions := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	check(os.MkdirAll(versions, 0o755))
	write := func(name string, content []byte) {
		check(os.WriteFile(filepath.Join(versions, name), content, 0o644))
	}
	info, err := json.Marshal(map[string]string{"Version": version})
	check(err)
	write("list", []byte(version+"\n"))
	write(version+".info", info)
	write(version+".mod", mod)
	archive, err := os.Create(filepath.Join(versions, version+".zip"))
	check(err)
	check(zip.CreateFromDir(archive, of, folder))
	check(archive.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
