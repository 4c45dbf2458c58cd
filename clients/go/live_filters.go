package pagewire

import (
	"context"
	"sync"
)

// liveFilters are the filters of a hook, which change while it is open. The zero value has none set.
type liveFilters struct {
	mu sync.Mutex
	// filters are those that the hook opens with next.
	filters []Filter
	// isSet tells that they are those of SetFilters.
	isSet bool
	// inUse tells that a plugin runs with the hook.
	inUse bool
	// hook is the open one; nil while the plugin does not run.
	hook filteredHook
}

// A filteredHook is a hookStream, whatever its kind.
type filteredHook interface {
	sendOpen([]Filter)
	sendUpdate([]Filter) <-chan error
}

// use takes the hook for one plugin. Filters that were set count more than those it was made with.
func (l *liveFilters) use(declared []Filter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inUse {
		return false
	}
	l.inUse = true
	if !l.isSet {
		l.filters = declared
	}
	return true
}

func (l *liveFilters) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse = false
}

// open opens the hook with the filters of the moment; those that are set from now on follow.
func (l *liveFilters) open(hook filteredHook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hook = hook
	hook.sendOpen(l.filters)
}

func (l *liveFilters) close(hook filteredHook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hook == hook {
		l.hook = nil
	}
}

func (l *liveFilters) set(ctx context.Context, filters []Filter) error {
	l.mu.Lock()
	l.filters, l.isSet = filters, true
	var decided <-chan error
	if l.hook != nil {
		decided = l.hook.sendUpdate(filters)
	}
	l.mu.Unlock()
	if decided == nil {
		return nil
	}
	select {
	case err := <-decided:
		return err
	case <-ctx.Done():
		return fromContext(ctx)
	}
}
