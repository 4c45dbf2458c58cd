package pagewire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestParsesEveryFormOfAnEndpoint(t *testing.T) {
	for text, address := range map[string]string{
		"127.0.0.1:8001": "127.0.0.1:8001", "http://127.0.0.1:8001": "127.0.0.1:8001", "http://127.0.0.1:8001/": "127.0.0.1:8001",
		"[::1]:8001": "[::1]:8001", "localhost:8001": "localhost:8001",
		"unix:/run/p.sock": "unix:/run/p.sock", "unix:///run/p.sock": "unix:/run/p.sock",
	} {
		if endpoint, err := ParseEndpoint(text); err != nil || endpoint.String() != address {
			t.Error(text, endpoint, err)
		}
	}
}

func TestErrorsOfInvalidEndpointsContainTheValueAndARemedy(t *testing.T) {
	for _, text := range []string{"", "8001", "127.0.0.1", "https://127.0.0.1:8001", "unix:", "a:1/b", "::1:x", "h:0", "h:70000", "http://", "a b:1"} {
		_, err := ParseEndpoint(text)
		if refused, ok := errors.AsType[*EndpointError](err); !ok || refused.Value != text || !strings.Contains(err.Error(), "(pass ") {
			t.Error(text, err)
		}
	}
}

func TestNeverPrintsTheToken(t *testing.T) {
	endpoint, _ := ParseEndpoint("127.0.0.1:8001")
	endpoint = endpoint.WithToken("secret")
	if text := fmt.Sprintf("%v %+v %#v %s", endpoint, endpoint, endpoint, &endpoint); strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestPrefersTheNearestRootAroundTheFolderThenRootsBelowThenTheOnlyDaemon(t *testing.T) {
	daemon := func(pid int, roots ...string) Daemon { return Daemon{PID: pid, RootDirs: roots} }
	outer, inner, other, twin := daemon(1, "/no/p"), daemon(2, "/no/p/web"), daemon(3, "/no/q", "/no/r"), daemon(4, "/no/p")
	for _, c := range []struct {
		folder  string
		daemons []Daemon
		chosen  []int
	}{
		{"/no/p/web/src", []Daemon{outer, inner, other}, []int{2}},
		{"/no/p/web", []Daemon{outer, inner, other}, []int{2}},
		{"/no/p/website", []Daemon{outer, inner, other}, []int{1}},
		{"/no/p", []Daemon{outer, inner, other}, []int{1}},
		{"/no/r/x", []Daemon{outer, inner, other}, []int{3}},
		{"/no", []Daemon{outer, inner, other}, []int{1, 2, 3}},
		{"/no", []Daemon{inner}, []int{2}},
		{"/elsewhere", []Daemon{inner}, []int{2}},
		{"/elsewhere", []Daemon{inner, other}, []int{2, 3}},
		{"/elsewhere", nil, nil},
		{"/no/p/src", []Daemon{twin, outer}, []int{1, 4}},
	} {
		var chosen []int
		daemon, err := chooseDaemon(c.folder, c.daemons)
		if several, ok := errors.AsType[*SeveralDaemonsError](err); ok {
			for _, daemon := range several.Daemons {
				chosen = append(chosen, daemon.PID)
			}
		} else if err == nil {
			chosen = []int{daemon.PID}
		}
		if !slices.Equal(chosen, c.chosen) {
			t.Errorf("in %s: chose %v, expected %v (%v)", c.folder, chosen, c.chosen, err)
		}
	}
}

func TestRefusesAFolderThatOthersCanOpen(t *testing.T) {
	outer := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", outer)
	folder := filepath.Join(outer, "pagewire")
	if daemons, err := runningDaemons(); err != nil || daemons != nil {
		t.Error("found daemons in a missing folder:", daemons, err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := runningDaemons(); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := runningDaemons(); err == nil || !strings.Contains(err.Error(), folder) {
		t.Error(err)
	}
	if err := os.Rename(folder, folder+"-real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder+"-real", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder+"-real", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := runningDaemons(); err == nil {
		t.Error("a symbolic link was followed")
	}
}

func TestIgnoresAProcessThatDoesNotListenItself(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	other := exec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { other.Process.Kill(); other.Wait() }()
	outer := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", outer)
	folder := filepath.Join(outer, "pagewire")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(outer, "token")
	if err := os.WriteFile(token, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for pid, expected := range map[int]int{os.Getpid(): 1, other.Process.Pid: 0} {
		control := listener.Addr().String()
		daemon, _ := json.Marshal(Daemon{PID: pid, RootDirs: []string{"/p"}, Control: control, Controls: []string{control}, TokenFile: token})
		file := filepath.Join(folder, fmt.Sprintf("%d.json", pid))
		if err := os.WriteFile(file, daemon, 0o600); err != nil {
			t.Fatal(err)
		}
		if daemons, err := runningDaemons(); err != nil || len(daemons) != expected {
			t.Error(pid, daemons, err)
		}
		local, _ := ParseEndpoint(strings.Replace(control, "127.0.0.1", "localhost", 1))
		if found := local.withDiscoveredToken(); expected == 1 && (found.String() != control || found.token != "mine") {
			t.Error("localhost is not the daemon's address:", found)
		}
		os.Remove(file)
	}
}

func TestErrorsOfInvalidTokenFilesContainThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for _, content := range []string{"", " \n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Endpoint{}.WithTokenFile(path)
		if invalid, ok := errors.AsType[*TokenFileError](err); !ok || invalid.Path != path {
			t.Error(err)
		}
	}
	if _, err := (Endpoint{}).WithTokenFile(path + "-none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestAnErrorContainsCodeReasonAndFields(t *testing.T) {
	state, err := status.New(codes.InvalidArgument, "bad target").WithDetails(
		&errdetails.ErrorInfo{Domain: reasonDomain, Reason: "FIELD_INVALID"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "target", Description: "is unset"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	err = fromRPC(t.Context(), state.Err())
	if text := err.Error(); Reason(err) != "FIELD_INVALID" || text != "bad target; target: is unset (InvalidArgument/FIELD_INVALID)" {
		t.Error(text)
	}
	state, _ = status.New(codes.Internal, "x").WithDetails(&errdetails.ErrorInfo{Domain: "elsewhere", Reason: "X"})
	if err := fromRPC(t.Context(), state.Err()); Reason(err) != "" {
		t.Error("a reason of another domain was used:", err)
	}
}

func TestNarrowingDoesNotChangeTheOriginal(t *testing.T) {
	prefix := MatchPrefix("/a/")
	one, another := prefix.Except("one"), prefix.Except("another").Methods("POST")
	if got := fmt.Sprint(prefix.proto().ExcludePathRegexes, one.proto().ExcludePathRegexes, another.proto().ExcludePathRegexes); got != "[] [one] [another]" {
		t.Error(got)
	}
	all := ToAll()
	first, second := all.Excluding("a").Excluding("b"), all.Excluding("c")
	if got := fmt.Sprint(first.proto().ExcludeSocketIds, second.proto().ExcludeSocketIds); got != "[a b] [c]" {
		t.Error(got)
	}
}
