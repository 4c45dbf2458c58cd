// Serves a module that is not a file, and makes pages import it when they become ready.
package main

import (
	"context"
	"log"

	pagewire "pagewire.dev/client"
)

const module = "export default () => { document.body.append('Hello from a virtual module'); };"

func main() {
	plugin := &pagewire.Plugin{
		Name:            "virtual-module",
		InjectWebSocket: true,
		Serve: &pagewire.ServeHook{
			Filters: []pagewire.Filter{pagewire.MatchPath("/virtual/hello.js")},
			Handler: func(context.Context, *pagewire.Request) (*pagewire.Content, error) {
				return pagewire.JS(module), nil
			},
		},
		OnSocketReady: func(ctx context.Context, socket *pagewire.Socket, client *pagewire.Client) error {
			_, err := client.SendImport(ctx, pagewire.ToSocket(socket.SocketID), pagewire.Import{Path: "/virtual/hello.js"})
			return err
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
