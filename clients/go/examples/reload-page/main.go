// Reloads every page once, by importing a module from a data URL.
package main

import (
	"context"
	"log"
	"sync"

	pagewire "pagewire.dev/client"
)

func main() {
	// A tab keeps its id when it reloads.
	var reloaded sync.Map
	plugin := &pagewire.Plugin{
		Name:            "reload-page",
		InjectWebSocket: true,
		OnSocketReady: func(ctx context.Context, socket *pagewire.Socket, client *pagewire.Client) error {
			if _, loaded := reloaded.LoadOrStore(socket.TabID, true); loaded {
				return nil
			}
			reload := pagewire.Import{Path: "data:text/javascript,window.location.reload()"}
			_, err := client.SendImport(ctx, pagewire.ToSocket(socket.SocketID), reload)
			return err
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
