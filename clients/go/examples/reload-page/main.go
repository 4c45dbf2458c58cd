// Reloads every page once: a data URL is a module too.
package main

import (
	"context"
	"log"
	"sync"

	pagewire "pagewire.dev/client"
)

func main() {
	// A tab keeps its id when it reloads: each is reloaded once.
	var reloaded sync.Map
	plugin := &pagewire.Plugin{
		Name:            "reload-page",
		InjectWebSocket: true,
		OnSocketReady: func(ctx context.Context, socket *pagewire.Socket, client *pagewire.Client) error {
			if _, again := reloaded.LoadOrStore(socket.TabID, true); again {
				return nil
			}
			reload := pagewire.Import{Path: "data:text/javascript,window.location.reload()"}
			_, err := client.SendImport(ctx, pagewire.ToSocket(socket.ID), reload)
			return err
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
