// Serves environment variables to pages: import { MODE } from '/env.js' is the value of PUBLIC_MODE.
//
// Only variables whose names begin with PUBLIC_ are served.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	pagewire "pagewire.dev/client"
)

const prefix = "PUBLIC_"

var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

func main() {
	if err := plugin().Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func plugin() *pagewire.Plugin {
	source := module(os.Environ())
	return &pagewire.Plugin{
		Name: "env",
		Serve: &pagewire.ServeHook{
			Filters: []pagewire.Filter{pagewire.MatchPath("/env.js")},
			Handler: func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
				content := pagewire.JS(source)
				// The environment of a process does not change, so one call is enough.
				content.Remember = true
				return content, nil
			},
		},
	}
}

// module returns a module with a constant for each public variable of an environment.
func module(environment []string) string {
	var source strings.Builder
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		name, isPublic := strings.CutPrefix(name, prefix)
		if !isPublic {
			continue
		}
		if !identifier.MatchString(name) || !utf8.ValidString(value) {
			log.Printf("%s%s is left out (use a JavaScript identifier as its name and UTF-8 as its value)", prefix, name)
			continue
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			log.Fatal(err)
		}
		// A reserved word cannot be a constant's name, but it can be an export's.
		source.WriteString("const $" + name + " = " + string(encoded) + ";\nexport { $" + name + " as " + name + " };\n")
	}
	return source.String()
}
