package pagewire_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	pagewire "pagewire.dev/client"
)

// A plugin that exchanges messages with its pages, until Ctrl-C.
func ExamplePlugin() {
	plugin := &pagewire.Plugin{
		Name:            "chat",
		InjectWebSocket: true,
		OnMessage: map[string]pagewire.MessageHandler{
			"say": func(ctx context.Context, message *pagewire.Message, client *pagewire.Client) error {
				_, err := client.SendJSON(ctx, pagewire.ToAll().Excluding(message.SocketID), message.Text)
				return err
			},
		},
		OnRequest: map[string]pagewire.RequestHandler{
			"add": func(_ context.Context, request *pagewire.Message, _ *pagewire.Client) (any, error) {
				var sum struct{ A, B float64 }
				err := request.JSON(&sum)
				return sum.A + sum.B, err
			},
		},
	}
	if err := plugin.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A transform hook changes responses, whatever their source.
func ExampleTransformHook() {
	plugin := &pagewire.Plugin{
		Name: "colors",
		Transform: &pagewire.TransformHook{
			Filters: []pagewire.Filter{pagewire.MatchMIME("text/css")},
			Handler: func(_ context.Context, response *pagewire.Response) (*pagewire.Change, error) {
				css, err := response.Text()
				if err != nil || !strings.Contains(css, "$accent") {
					return nil, err
				}
				change := pagewire.ChangeText(strings.ReplaceAll(css, "$accent", "#c00"))
				change.DependsOn = []string{"/srv/site/colors.json"}
				return change, nil
			},
		},
	}
	log.Fatal(plugin.Run(context.Background()))
}

// A tool runs code in every page.
func ExampleClient_ImportValue() {
	ctx := context.Background()
	client, err := pagewire.Find(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	titles, err := client.ImportValue(ctx, pagewire.ToAll(), pagewire.Import{Code: "export default () => document.title"})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range titles.Rows {
		if row.Err != nil {
			fmt.Println(row.SocketID, row.Err)
		} else {
			fmt.Println(row.SocketID, row.Value)
		}
	}
}

// Lists the sockets, and then watches for changes since the list without missing any.
func ExampleClient_Subscribe() {
	ctx := context.Background()
	client, err := pagewire.Find(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	list, err := client.ListSockets(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(list.Sockets), "pages")
	events, err := client.Subscribe(ctx, pagewire.SubscribeOptions{Sockets: true, ResumeAfter: &list.Position})
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	for event, err := range events.Events() {
		if err != nil {
			log.Fatal(err)
		}
		switch what := event.What.(type) {
		case *pagewire.SocketOpened:
			fmt.Println(what.Socket.SocketID, "connected")
		case *pagewire.SocketClosed:
			fmt.Println(what.SocketID, "disconnected")
		}
	}
}

// The error of an invalid endpoint describes what is expected.
func ExampleParseEndpoint() {
	endpoint, _ := pagewire.ParseEndpoint("http://127.0.0.1:8001")
	fmt.Println(endpoint)
	_, err := pagewire.ParseEndpoint("8001")
	var refused *pagewire.EndpointError
	fmt.Println(errors.As(err, &refused), err)
	// Output:
	// 127.0.0.1:8001
	// true endpoint `8001` is not a host and a port (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)
}

// An unresolved import keeps its position.
func ExampleImports_Resolve() {
	imports := &pagewire.Imports{Imports: []pagewire.ImportSpecifier{{Specifier: "lit"}, {Specifier: "other"}}}
	resolved := imports.Resolve(func(specifier pagewire.ImportSpecifier) string {
		if specifier.Specifier == "lit" {
			return "/vendor/lit.js"
		}
		return "" // left to the next plugin
	})
	fmt.Printf("%q\n", resolved.Specifiers)
	// Output: ["/vendor/lit.js" ""]
}
