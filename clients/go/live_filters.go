package pagewire

import (
	"context"
	"sync"
)

// liveFilters are the filters of a hook; they may be replaced while the hook is open. The zero value has none set.
type liveFilters struct {
	mu sync.Mutex
	// filters are the current filters, used when the hook opens.
	filters []Filter
	// isSet is whether they come from SetFilters.
	isSet bool
	// inUse is whether a plugin runs with the hook.
	inUse bool
	// hook is the open hook; nil while the plugin does not run.
	hook filteredHook
}

// A filteredHook is a hookStream of any type.
type filteredHook interface {
	sendOpen([]Filter)
	sendUpdate([]Filter) <-chan error
}

// use reserves the hook for one plugin, and returns whether it was free. Filters from SetFilters take precedence
// over the declared ones.
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

// open opens the hook with the current filters. Later changes are sent as updates.
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
	var result <-chan error
	if l.hook != nil {
		result = l.hook.sendUpdate(filters)
	}
	l.mu.Unlock()
	if result == nil {
		return nil
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fromContext(ctx)
	}
}
