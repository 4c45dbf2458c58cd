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
	// maxDaemonFileBytes is the largest discovery file; larger files are ignored.
	maxDaemonFileBytes = 64 * 1024
	// acceptTimeout is the time after which a daemon that does not accept a connection counts as busy, and
	// thus as running.
	acceptTimeout = time.Second
)

// A Daemon is a running daemon as described by its discovery file.
type Daemon struct {
	// PID is its process id.
	PID int `json:"pid"`
	// RootDirs are the served folders: absolute paths without symbolic links.
	RootDirs []string `json:"root_dirs"`
	// HTTP is the first URL of its pages.
	HTTP string `json:"http"`
	// Control is its first control address.
	Control string `json:"control"`
	// Controls are all its control addresses.
	Controls []string `json:"controls"`
	// TokenFile is the file with its token; empty when no control address needs one.
	TokenFile string `json:"token_file"`
}

// String returns one line of a list of candidates.
func (d Daemon) String() string {
	return fmt.Sprintf("%s  %s  control %s  pid %d", strings.Join(d.RootDirs, ", "), d.HTTP, d.Control, d.PID)
}

// endpoint returns the first control address, with the token if that address needs one.
func (d Daemon) endpoint() (Endpoint, error) {
	endpoint, err := ParseEndpoint(d.Control)
	if err != nil || endpoint.network == "unix" || d.TokenFile == "" {
		return endpoint, err
	}
	return endpoint.WithTokenFile(d.TokenFile)
}

// isListening reports whether its process listens at one of its addresses. A connect timeout counts as listening: the
// daemon may be busy. Once the daemon has exited, its process id and its address may belong to two other programs,
// even another user's.
func (d Daemon) isListening() bool {
	for _, control := range append(slices.Clone(d.Controls), d.Control) {
		endpoint, err := ParseEndpoint(control)
		if err != nil || !ownsPort(d.PID, endpoint) {
			continue
		}
		connection, err := net.DialTimeout(endpoint.network, endpoint.address, acceptTimeout)
		if err == nil {
			owned := ownsSocket(d.PID, connection)
			connection.Close()
			if owned {
				return true
			}
			continue
		}
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return true
		}
	}
	return false
}

// Nearness of a daemon's root to a folder. Roots that contain the folder have higher values, which increase
// with the number of their components.
const (
	unrelated = 0
	below     = 1
)

// nearness returns how near the daemon's roots are to a folder; more is nearer.
func (d Daemon) nearness(folder string) int {
	nearest := unrelated
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

// isWithin reports whether a path is the folder or inside it.
func isWithin(path, folder string) bool {
	inner, outer := components(path), components(folder)
	return len(inner) >= len(outer) && slices.Equal(inner[:len(outer)], outer)
}

func components(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == filepath.Separator })
}

// runtimeFolder returns the folder of the discovery files. The folder may not exist.
func runtimeFolder() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pagewire")
	}
	return filepath.Join(os.TempDir(), "pagewire-"+strconv.Itoa(os.Getuid()))
}

// runningDaemons returns the running daemons, in no particular order.
func runningDaemons() ([]Daemon, error) {
	folder := runtimeFolder()
	info, err := os.Lstat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir() || !isPrivate(info):
		// Files in a folder that others can open cannot be trusted.
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
		// A killed daemon leaves its file behind, and another daemon may listen at its address by now.
		if !isJSON || err != nil || !isAlive(pid) {
			continue
		}
		daemon, ok := readDaemon(filepath.Join(folder, entry.Name()))
		if ok && daemon.PID == pid && daemon.isListening() {
			daemons = append(daemons, daemon)
		}
	}
	return daemons, nil
}

// readDaemon reads a discovery file, if it is private and its content is valid.
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

// findDaemon finds the daemon for the current folder or, if roots are given, the one that serves exactly these
// folders.
func findDaemon(roots []string) (Daemon, error) {
	daemons, err := runningDaemons()
	if err != nil {
		return Daemon{}, &NoDaemonError{err}
	}
	if roots != nil {
		hasOtherRoots := func(daemon Daemon) bool { return !slices.Equal(daemon.RootDirs, roots) }
		return chooseDaemon(roots[0], slices.DeleteFunc(daemons, hasOtherRoots))
	}
	folder, err := os.Getwd()
	if err != nil {
		return Daemon{}, &NoDaemonError{err}
	}
	return chooseDaemon(folder, daemons)
}

// chooseDaemon chooses the daemon with the innermost root that contains the folder; otherwise one with a root
// inside the folder; otherwise the only one.
func chooseDaemon(folder string, daemons []Daemon) (Daemon, error) {
	// Roots are canonical paths, so the folder is made canonical too. One that does not exist is compared as given.
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	nearest := unrelated
	for _, daemon := range daemons {
		nearest = max(nearest, daemon.nearness(folder))
	}
	var candidates []Daemon
	for _, daemon := range daemons {
		if daemon.nearness(folder) == nearest {
			candidates = append(candidates, daemon)
		}
	}
	switch len(candidates) {
	case 0:
		return Daemon{}, &NoDaemonError{}
	case 1:
		return candidates[0], nil
	}
	slices.SortFunc(candidates, func(a, b Daemon) int {
		return cmp.Or(slices.Compare(a.RootDirs, b.RootDirs), cmp.Compare(a.PID, b.PID))
	})
	return Daemon{}, &SeveralDaemonsError{folder, candidates}
}
