package pagewire

import (
	"time"

	pb "pagewire.dev/client/internal/pagewirev1"
)

// ServerInfo is what a daemon is and can do.
type ServerInfo struct {
	// Version is the daemon's, as semantic versioning.
	Version string
	// Features are what it can do; see [Plugin.RequiredFeatures].
	Features []string
	// BaseURLs are what pages are served at, base path included.
	BaseURLs []string
	// Epoch is that of this run's positions.
	Epoch string
	// StartTime is when this run began, by the daemon's clock.
	StartTime time.Time
	// Limits are the bounds in force.
	Limits Limits
	// RefusedFrames counts text frames of pages that were no JSON object with a type.
	RefusedFrames uint64
	// InjectsClient tells whether pages get the socket client at this moment.
	InjectsClient bool
	// PagesWithClient counts the pages served with the socket client.
	PagesWithClient uint64
	// PagesWithoutClient counts the pages served without it.
	PagesWithoutClient uint64
	// AllowedOrigins are those whose pages may connect, beside the daemon's own.
	AllowedOrigins []string
}

// Limits are bounds of a daemon.
type Limits struct {
	// MaxMessageBytes is the largest single message to a page.
	MaxMessageBytes uint32
	// MaxBodyBytes is the largest body that a hook's call or result may carry.
	MaxBodyBytes uint32
	// MaxCallTimeout is the longest time a hook's call may take. 0 = any: the daemon debugs.
	MaxCallTimeout time.Duration
	// MaxSocketQueueBytes may wait for one socket; then sends to it are DroppedSlow.
	MaxSocketQueueBytes uint32
	// EventLogEntries are kept at most. 0 = EventLogBytes alone counts.
	EventLogEntries uint32
	// EventLogBytes are kept at most; the oldest events go first.
	EventLogBytes uint64
}

// PluginInfo is a configured plugin, or one that runs, or both.
type PluginInfo struct {
	// Name is its key in the configuration, the order and the logs.
	Name string
	// Version is what it says. Empty = nothing, or it does not run.
	Version string
	// State is how far it is.
	State PluginState
	// Hooks are those that it declared: serve, transform, resolve_import, subscribe_messages.
	Hooks []string
	// ServeOrderIndex is its place in the serve order, from 0; it counts if Hooks has serve.
	ServeOrderIndex int
	// PID is its process, if the daemon spawned it. Else 0.
	PID int
	// Restarts is how often the daemon started it again after an exit.
	Restarts int
	// Calls counts those of its hooks.
	Calls uint64
	// Passes counts those that it skipped.
	Passes uint64
	// Failures counts those that failed.
	Failures uint64
	// Timeouts counts those whose deadline passed.
	Timeouts uint64
	// LateResults counts results that were ignored.
	LateResults uint64
	// CallLatencyP99 is the 99th percentile of the time from a call being due to its result. 0 = no calls.
	CallLatencyP99 time.Duration
}

// PluginState is a part of a plugin's life.
type PluginState string

// The life of a plugin.
const (
	// PluginWaiting: it is configured and does not run.
	PluginWaiting PluginState = "waiting"
	// PluginStarting: not all of its hooks are open.
	PluginStarting PluginState = "starting"
	// PluginReady: all of its hooks are open.
	PluginReady PluginState = "ready"
	// PluginFailed: it exited five times in three minutes and is not started again.
	PluginFailed PluginState = "failed"
)

func serverInfoFrom(info *pb.GetServerInfoResponse) *ServerInfo {
	limits := info.GetLimits()
	return &ServerInfo{
		Version:   info.GetServerVersion(),
		Features:  info.GetFeatures(),
		BaseURLs:  info.GetBaseUrls(),
		Epoch:     info.GetEpoch(),
		StartTime: timeFrom(info.GetStartTime()),
		Limits: Limits{
			MaxMessageBytes:     limits.GetMaxMessageBytes(),
			MaxBodyBytes:        limits.GetMaxBodyBytes(),
			MaxCallTimeout:      limits.GetMaxCallTimeout().AsDuration(),
			MaxSocketQueueBytes: limits.GetMaxSocketQueueBytes(),
			EventLogEntries:     limits.GetEventLogEntries(),
			EventLogBytes:       limits.GetEventLogBytes(),
		},
		RefusedFrames:      info.GetRefusedFrames(),
		InjectsClient:      info.GetInjectsClient(),
		PagesWithClient:    info.GetPagesWithClient(),
		PagesWithoutClient: info.GetPagesWithoutClient(),
		AllowedOrigins:     info.GetAllowedOrigins(),
	}
}

func pluginInfoFrom(plugin *pb.Plugin) PluginInfo {
	var hooks []string
	for _, hook := range plugin.GetHooks() {
		hooks = append(hooks, word(hook, "HOOK_"))
	}
	return PluginInfo{
		Name:            plugin.GetPluginName(),
		Version:         plugin.GetPluginVersion(),
		State:           PluginState(word(plugin.GetState(), "STATE_")),
		Hooks:           hooks,
		ServeOrderIndex: int(plugin.GetServeOrderIndex()),
		PID:             int(plugin.GetPid()),
		Restarts:        int(plugin.GetRestarts()),
		Calls:           plugin.GetCalls(),
		Passes:          plugin.GetPasses(),
		Failures:        plugin.GetFailures(),
		Timeouts:        plugin.GetTimeouts(),
		LateResults:     plugin.GetLateResults(),
		CallLatencyP99:  plugin.GetCallLatencyP99().AsDuration(),
	}
}
