// Replies to the page that sent a message, and to no other.
//
// In a page: import { sendMessage } from '/__pagewire__/client.js', then
// sendMessage({ type: 'ping', n: 1 }).
package main

import (
	"context"
	"encoding/json"
	"log"

	pagewire "pagewire.dev/client"
)

func main() {
	plugin := &pagewire.Plugin{
		Name:            "targeted-reply",
		InjectWebSocket: true,
		OnMessage:       map[string]pagewire.MessageHandler{"ping": pong},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func pong(ctx context.Context, message *pagewire.Message, client *pagewire.Client) error {
	var ping struct{ N json.RawMessage }
	if err := message.JSON(&ping); err != nil {
		return err
	}
	_, err := client.Send(ctx, pagewire.ToSocket(message.SocketID), map[string]any{"type": "pong", "n": ping.N})
	return err
}
