// Prints to the console of every page, 1 s after the page or the plugin is ready.
package main

import (
	"context"
	"log"
	"time"

	pagewire "pagewire.dev/client"
)

func main() {
	plugin := &pagewire.Plugin{
		Name:            "console-log",
		InjectWebSocket: true,
		// Greets pages that connect after the plugin.
		OnSocketReady: func(ctx context.Context, socket *pagewire.Socket, client *pagewire.Client) error {
			return greet(ctx, client, socket.SocketID)
		},
		ServerStart: func(ctx context.Context, session *pagewire.Session) error {
			var ready []string
			for _, socket := range session.Sockets {
				if socket.Ready {
					ready = append(ready, socket.SocketID)
				}
			}
			if len(ready) == 0 {
				return nil
			}
			return greet(ctx, session.Client, ready...)
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func greet(ctx context.Context, client *pagewire.Client, socketIDs ...string) error {
	time.Sleep(time.Second)
	_, err := client.ConsoleLog(ctx, pagewire.ToSockets(socketIDs...), pagewire.ConsoleLog, "Hello from Pagewire")
	return err
}
