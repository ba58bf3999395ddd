namespace Slipway.Training.Running;

/// <summary>Measures tokens a second: over a whole call, and over its recent steps.</summary>
internal sealed class SpeedMeter
{
    private const int Window = 32;
    private readonly Queue<(long Tokens, TimeSpan Time)> _recent = new();
    private long _tokens;
    private TimeSpan _time;

    public double Mean => Rate(_tokens, _time);

    public double Recent => Rate(
        _recent.Sum(one => one.Tokens), _recent.Aggregate(TimeSpan.Zero, (sum, one) => sum + one.Time));

    public void Add(long tokens, TimeSpan time)
    {
        _tokens += tokens;
        _time += time;
        _recent.Enqueue((tokens, time));
        if (_recent.Count > Window)
        {
            _recent.Dequeue();
        }
    }

    public TimeSpan? TimeFor(double tokens) => Recent > 0 ? TimeSpan.FromSeconds(tokens / Recent) : null;

    private static double Rate(long tokens, TimeSpan time) =>
        time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
