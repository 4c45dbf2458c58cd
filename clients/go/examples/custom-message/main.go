// Sends the number of pages to every page, in a custom message, whenever a page connects.
package main

import (
	"context"
	"log"

	pagewire "pagewire.dev/client"
)

func main() {
	plugin := &pagewire.Plugin{
		Name:            "custom-message",
		InjectWebSocket: true,
		OnSocketReady: func(ctx context.Context, _ *pagewire.Socket, client *pagewire.Client) error {
			sockets, err := client.Sockets(ctx, nil)
			if err != nil {
				return err
			}
			_, err = client.Send(ctx, pagewire.ToAll(), map[string]any{
				"type": "custom-message",
				"data": map[string]any{"pages": len(sockets)},
			})
			return err
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
