// The benchmark plugin in Go: serves the given file and answers messages from pages.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"

	pagewire "pagewire.dev/client"
)

func main() {
	module, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var calls atomic.Int64
	plugin := &pagewire.Plugin{
		Name: "language",
		Serve: &pagewire.ServeHook{
			Filters: []pagewire.Filter{pagewire.MatchPaths("/virtual/module.js", "/virtual/calls")},
			Handler: func(_ context.Context, request *pagewire.Request) (*pagewire.Content, error) {
				if request.Path == "/virtual/calls" {
					return pagewire.Text(strconv.FormatInt(calls.Load(), 10)), nil
				}
				calls.Add(1)
				return &pagewire.Content{Type: "text/javascript", Body: module}, nil
			},
		},
		OnMessage: map[string]pagewire.MessageHandler{"ask": answer},
		ServerStart: func(context.Context, *pagewire.Session) error {
			fmt.Println("ready")
			return nil
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func answer(ctx context.Context, message *pagewire.Message, client *pagewire.Client) error {
	var question struct{ Page, Number int }
	if err := message.JSON(&question); err != nil {
		return err
	}
	_, err := client.Send(ctx, pagewire.ToSocket(message.SocketID), struct {
		Type string `json:"type"`
		Page int    `json:"page"`
		Next int    `json:"next"`
	}{"answer", question.Page, question.Number + 1})
	return err
}
