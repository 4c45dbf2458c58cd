// Renders Markdown as pages: open /notes.md.
//
// The text replaces {{content}} in the root's layout.html. With `pagewire serve --watch` a page reloads when its text or
// the layout is saved.
package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	pagewire "pagewire.dev/client"
)

const placeholder = "{{content}}"

// defaultLayout is used while there is no layout.html.
const defaultLayout = "<!doctype html>\n<meta charset=\"utf-8\">\n" + placeholder

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

func main() {
	if err := plugin().Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func plugin() *pagewire.Plugin {
	return &pagewire.Plugin{
		Name: "markdown",
		Transform: &pagewire.TransformHook{
			Filters: []pagewire.Filter{pagewire.MatchRegex(`\.md$`)},
			Handler: page,
		},
	}
}

func page(_ context.Context, response *pagewire.Response) (*pagewire.Change, error) {
	text, err := response.Text()
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if err := markdown.Convert([]byte(text), &content); err != nil {
		return nil, err
	}
	file := filepath.Join(response.Request.Session.RootDirs[0], "layout.html")
	layout, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		layout = []byte(defaultLayout)
	} else if err != nil {
		return nil, err
	}
	before, after, found := bytes.Cut(layout, []byte(placeholder))
	if !found {
		return nil, pagewire.NewFailure("the layout has no "+placeholder+" (put it where the text belongs)").At(file, 0, 0)
	}
	change := pagewire.ChangeBody(bytes.Join([][]byte{before, content.Bytes(), after}, nil))
	change.ContentType = "text/html"
	// A layout that does not exist yet counts too: the page reloads once it is created.
	change.DependsOn = []string{file}
	return change, nil
}
