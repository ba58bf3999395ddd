namespace Slipway.AspNetCore.Ollama;

/// <summary>Measures the parts of an answer: loading the model, its prompt, and its output.</summary>
/// <param name="time">Tells the time.</param>
internal sealed class AnswerTimes(TimeProvider time)
{
    private const long NanosecondsPerTick = 1_000_000 / TimeSpan.TicksPerMillisecond;
    private readonly long _begun = time.GetTimestamp();
    private long? _loaded, _first;

    /// <summary>The model is loaded.</summary>
    public void Loaded() => _loaded ??= time.GetTimestamp();

    /// <summary>The first part of the answer has come.</summary>
    public void First() => _first ??= time.GetTimestamp();

    /// <summary>Tells the durations so far, in nanoseconds; null for what has not begun.</summary>
    public (long Total, long Load, long? Prompt, long? Output) Tell()
    {
        var now = time.GetTimestamp();
        var loaded = _loaded ?? now;
        return (
            Between(_begun, now), Between(_begun, loaded), _first is { } first ? Between(loaded, first) : null,
            _first is { } begin ? Between(begin, now) : null);
    }

    private long Between(long from, long to) => time.GetElapsedTime(from, to).Ticks * NanosecondsPerTick;
}
