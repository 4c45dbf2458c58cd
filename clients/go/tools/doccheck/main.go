// Names everything exported in a folder's package that has no comment: doccheck FOLDER. Ends with 1 if there is
// any.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.go"))
	if err != nil {
		log.Fatal(err)
	}
	missing := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			log.Fatal(err)
		}
		check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
			for _, comment := range comments {
				if comment != nil {
					return
				}
			}
			if name.IsExported() {
				fmt.Printf("%s: %s has no comment\n", fset.Position(name.Pos()), name.Name)
				missing++
			}
		}
		for _, declared := range file.Decls {
			switch declared := declared.(type) {
			case *ast.FuncDecl:
				if isOfExported(declared) && !isPlain(declared.Name.Name) {
					check(declared.Name, declared.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range declared.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						check(spec.Name, spec.Doc, declared.Doc)
						if fields, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
							for _, field := range fields.Fields.List {
								for _, name := range field.Names {
									check(name, field.Doc, field.Comment)
								}
							}
						}
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							check(name, spec.Doc, spec.Comment)
						}
					}
				}
			}
		}
	}
	if missing > 0 {
		os.Exit(1)
	}
}

// isPlain tells whether a method's name says it all.
func isPlain(name string) bool { return name == "Error" || name == "GetRequestMetadata" }

// isOfExported tells whether a function is none of a type that is not exported.
func isOfExported(declared *ast.FuncDecl) bool {
	if declared.Recv == nil {
		return true
	}
	of := declared.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if generic, ok := of.(*ast.IndexListExpr); ok {
		of = generic.X
	}
	name, ok := of.(*ast.Ident)
	return ok && name.IsExported()
}
