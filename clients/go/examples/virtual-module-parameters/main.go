// Passes arguments to the default export of a virtual module, and prints its return value.
package main

import (
	"context"
	"fmt"
	"log"

	pagewire "pagewire.dev/client"
)

const module = "export default (name, times) => {\n" +
	"  const text = `Hello ${name}! `.repeat(times).trim();\n" +
	"  document.body.append(text);\n" +
	"  return text.length;\n" +
	"};"

func main() {
	plugin := &pagewire.Plugin{
		Name:            "virtual-module-parameters",
		InjectWebSocket: true,
		Serve: &pagewire.ServeHook{
			Filters: []pagewire.Filter{pagewire.MatchPath("/virtual/greet.js")},
			Handler: func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
				return pagewire.JS(module), nil
			},
		},
		OnSocketReady: greet,
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func greet(ctx context.Context, socket *pagewire.Socket, client *pagewire.Client) error {
	report, err := client.ImportValue(ctx, pagewire.ToSocket(socket.SocketID), pagewire.Import{
		Path: "/virtual/greet.js",
		Args: []any{"Pagewire", 2},
	})
	if err != nil {
		return err
	}
	for _, row := range report.Rows {
		if row.Err != nil {
			fmt.Println("the page failed:", row.Err)
		} else {
			fmt.Println("the page wrote", row.Value, "letters")
		}
	}
	return nil
}
