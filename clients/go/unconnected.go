package pagewire

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "pagewire.dev/client/internal/pagewirev1"
	"pagewire.dev/client/internal/testclient"
)

func init() { testclient.New = func() any { return unconnected() } }

// unconnected returns a client without a daemon, for package pagewiretest.
func unconnected() *Client {
	client := &Client{rpc: pb.NewControlServiceClient(noDaemon{})}
	client.sends = newSendStream(client.rpc)
	return client
}

// noDaemon is a connection on which every call fails.
type noDaemon struct{}

var errNoDaemon = status.Error(codes.FailedPrecondition, "this client of package pagewiretest has no daemon (use that of StartDaemon)")

// Invoke fails.
func (noDaemon) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return errNoDaemon
}

// NewStream fails.
func (noDaemon) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errNoDaemon
}
