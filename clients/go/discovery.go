package pagewire

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxDaemonFileBytes is the largest file that is read; a larger one is ignored, being none of the
	// daemon's. 64 KiB.
	maxDaemonFileBytes = 64 * 1024
	// acceptTimeout is how long a daemon may take to accept a connection; beyond it counts as busy, and
	// as running. 1 s.
	acceptTimeout = time.Second
)

// A Daemon is one that runs, as it describes itself in its discovery file.
type Daemon struct {
	// PID is its process.
	PID int `json:"pid"`
	// RootDirs are what it serves: absolute paths, without links.
	RootDirs []string `json:"root_dirs"`
	// HTTP is the first URL of its pages.
	HTTP string `json:"http"`
	// Control is its first control address.
	Control string `json:"control"`
	// Controls are all its control addresses.
	Controls []string `json:"controls"`
	// TokenFile is the file that holds its token; empty when no control address needs one.
	TokenFile string `json:"token_file"`
}

// String is one line of a list to choose from.
func (d Daemon) String() string {
	return fmt.Sprintf("%s  %s  control %s  pid %d", strings.Join(d.RootDirs, ", "), d.HTTP, d.Control, d.PID)
}

// endpoint is the first control address, with its token if that needs one.
func (d Daemon) endpoint() (Endpoint, error) {
	endpoint, err := ParseEndpoint(d.Control)
	if err != nil || endpoint.network == "unix" || d.TokenFile == "" {
		return endpoint, err
	}
	return endpoint.WithTokenFile(d.TokenFile)
}

// listens tells whether anybody listens at one of its addresses. A daemon too busy to accept does.
func (d Daemon) listens() bool {
	for _, control := range append(slices.Clone(d.Controls), d.Control) {
		endpoint, err := ParseEndpoint(control)
		if err != nil {
			continue
		}
		connection, err := net.DialTimeout(endpoint.network, endpoint.address, acceptTimeout)
		if err == nil {
			connection.Close()
			return true
		}
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return true
		}
	}
	return false
}

// How near a root is to a folder, beside the number of its components when it is around it.
const (
	elsewhere = 0
	below     = 1
)

// nearness tells how near the daemon is to a folder; more is nearer.
func (d Daemon) nearness(folder string) int {
	nearest := elsewhere
	for _, root := range d.RootDirs {
		switch {
		case isWithin(folder, root):
			nearest = max(nearest, below+1+len(components(root)))
		case isWithin(root, folder):
			nearest = max(nearest, below)
		}
	}
	return nearest
}

// isWithin tells whether a path is the folder or somewhere in it.
func isWithin(path, folder string) bool {
	inner, outer := components(path), components(folder)
	return len(inner) >= len(outer) && slices.Equal(inner[:len(outer)], outer)
}

func components(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}

// runtimeFolder is where daemons leave their files. It may not exist.
func runtimeFolder() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pagewire")
	}
	return filepath.Join(os.TempDir(), "pagewire-"+strconv.Itoa(os.Getuid()))
}

// runningDaemons are the daemons that run, in no particular order.
func runningDaemons() ([]Daemon, error) {
	folder := runtimeFolder()
	info, err := os.Lstat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir() || !isPrivate(info):
		// In anybody else's folder, files prove nothing.
		return nil, fmt.Errorf("%s is not a folder that only you can open (remove it, or set XDG_RUNTIME_DIR)", folder)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var daemons []Daemon
	for _, entry := range entries {
		name, isJSON := strings.CutSuffix(entry.Name(), ".json")
		pid, err := strconv.Atoi(name)
		// A daemon that was killed leaves its file, and another may listen at its address by now.
		if !isJSON || err != nil || !isAlive(pid) {
			continue
		}
		daemon, ok := readDaemon(filepath.Join(folder, entry.Name()))
		if ok && daemon.PID == pid && daemon.listens() {
			daemons = append(daemons, daemon)
		}
	}
	return daemons, nil
}

// readDaemon reads a file, if it is one that nobody else could write and makes sense.
func readDaemon(path string) (Daemon, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || !isPrivate(info) || info.Size() > maxDaemonFileBytes {
		return Daemon{}, false
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Daemon{}, false
	}
	var daemon Daemon
	return daemon, json.Unmarshal(content, &daemon) == nil
}

// findDaemon is the daemon that is meant in the current folder; with folders, the one that serves exactly these.
func findDaemon(home []string) (Daemon, error) {
	daemons, err := runningDaemons()
	if err != nil {
		return Daemon{}, &NoDaemonError{err}
	}
	if home != nil {
		others := func(daemon Daemon) bool { return !slices.Equal(daemon.RootDirs, home) }
		return chooseDaemon(home[0], slices.DeleteFunc(daemons, others))
	}
	folder, err := os.Getwd()
	if err != nil {
		return Daemon{}, &NoDaemonError{err}
	}
	return chooseDaemon(folder, daemons)
}

// chooseDaemon is the daemon whose root is nearest around the folder, else one whose root is below it, else
// the only one.
func chooseDaemon(folder string, daemons []Daemon) (Daemon, error) {
	// Roots are real paths. A folder that does not exist is in no root.
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	nearest := elsewhere
	for _, daemon := range daemons {
		nearest = max(nearest, daemon.nearness(folder))
	}
	var meant []Daemon
	for _, daemon := range daemons {
		if daemon.nearness(folder) == nearest {
			meant = append(meant, daemon)
		}
	}
	switch len(meant) {
	case 0:
		return Daemon{}, &NoDaemonError{}
	case 1:
		return meant[0], nil
	}
	slices.SortFunc(meant, func(a, b Daemon) int {
		return cmp.Or(slices.Compare(a.RootDirs, b.RootDirs), cmp.Compare(a.PID, b.PID))
	})
	return Daemon{}, &SeveralDaemonsError{folder, meant}
}
