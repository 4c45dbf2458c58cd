package pagewire

import (
	"context"
	"slices"
	"sync"
)

// liveFilters are the filters of a hook; they may be replaced while the hook is open. The zero value has none set.
type liveFilters struct {
	mu sync.Mutex
	// sets are the active filters, followed by those that the daemon has not confirmed yet, oldest first. The hook
	// opens with the last ones.
	sets []*filterSet
	// inUse is whether a plugin runs with the hook.
	inUse bool
	// hook is the open hook; nil while the plugin does not run.
	hook filteredHook
}

// A filterSet are all filters of a hook at one time.
type filterSet struct {
	filters []Filter
	// isDeclared is whether they are those of the hook's definition, not of SetFilters.
	isDeclared bool
	// result receives nil once the daemon has confirmed the update to these filters, or why it has not.
	result chan error
}

// A filteredHook is a hookStream of any type.
type filteredHook interface {
	sendOpen([]Filter)
	sendUpdate(*filterSet)
}

func newFilterSet(filters []Filter) *filterSet {
	return &filterSet{filters: filters, result: make(chan error, 1)}
}

// isSet reports whether the current filters come from SetFilters.
func (l *liveFilters) isSet() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isSetLocked()
}

// isSetLocked is isSet, for callers that hold mu.
func (l *liveFilters) isSetLocked() bool {
	return len(l.sets) > 0 && !l.sets[len(l.sets)-1].isDeclared
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
	if !l.isSetLocked() {
		l.sets = []*filterSet{{filters: declared, isDeclared: true}}
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
	l.sets = l.sets[len(l.sets)-1:]
	hook.sendOpen(l.sets[0].filters)
}

func (l *liveFilters) close(hook filteredHook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hook == hook {
		l.hook = nil
	}
}

func (l *liveFilters) set(ctx context.Context, filters []Filter) error {
	set := newFilterSet(filters)
	l.mu.Lock()
	if l.hook == nil {
		l.sets = []*filterSet{set}
		l.mu.Unlock()
		return nil
	}
	l.sets = append(l.sets, set)
	l.hook.sendUpdate(set)
	l.mu.Unlock()
	select {
	case err := <-set.result:
		return err
	case <-ctx.Done():
		return fromContext(ctx)
	}
}

// confirm makes filters the active ones, or removes them if the daemon has refused them.
func (l *liveFilters) confirm(set *filterSet, refused error) {
	l.mu.Lock()
	if at := slices.Index(l.sets, set); at >= 0 {
		if refused == nil {
			l.sets = l.sets[at:]
		} else {
			l.sets = slices.Delete(l.sets, at, at+1)
		}
	}
	l.mu.Unlock()
	set.result <- refused
}
