using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Slipway.AspNetCore.Tests.Hosting;

/// <summary>Reads the measurements of one model's engine, as a collector of telemetry would.</summary>
internal sealed class EngineGauges : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _values = new(StringComparer.Ordinal);

    /// <param name="package">The name of the package's folder.</param>
    public EngineGauges(string package)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Tags?.Any(tag => tag.Key == "model" && (string?)tag.Value == package) == true)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => _values[instrument.Name] = value);
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _values.AddOrUpdate(
            instrument.Name + string.Concat(tags.ToArray().Select(tag => $":{tag.Value}")), value,
            (_, before) => before + value));
        _listener.Start();
    }

    /// <summary>Requests that have a slot, or wait for one.</summary>
    public (long Running, long Queued) Requests
    {
        get
        {
            _listener.RecordObservableInstruments();
            return (this["slipway.running"], this["slipway.queued"]);
        }
    }

    public long this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Waits for a state, and tells how long that took.</summary>
    public async Task<TimeSpan> WaitAsync(Func<long, long, bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (Requests is var (running, queued) && !condition(running, queued))
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Delay(1);
        }

        return Stopwatch.GetElapsedTime(started);
    }

    public void Dispose() => _listener.Dispose();
}
