// Prints the daemon's version. Usage: info ENDPOINT, with the token in PAGEWIRE_TOKEN.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Messages as raw bytes, without generated code.
type codec struct{}

func (codec) Name() string                      { return "proto" }
func (codec) Marshal(value any) ([]byte, error) { return *value.(*[]byte), nil }
func (codec) Unmarshal(data []byte, to any) error {
	*to.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	log.SetFlags(0)
	channel, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if token := os.Getenv("PAGEWIRE_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	var request, info []byte
	err = channel.Invoke(ctx, "/pagewire.v1.ControlService/GetServerInfo", &request, &info, grpc.ForceCodec(codec{}))
	if err != nil {
		log.Fatal(err)
	}
	// Field 1, a short string: server_version.
	if len(info) < 2 || info[0] != 0x0a {
		log.Fatalf("unexpected response: %x", info)
	}
	fmt.Println(string(info[2 : 2+int(info[1])]))
}
