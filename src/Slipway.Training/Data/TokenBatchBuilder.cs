namespace Slipway.Training.Data;

/// <summary>Lays sequences one after the other, with what an adapter puts before each.</summary>
internal sealed class TokenBatchBuilder(AddedTokens added)
{
    private readonly List<long> _ids = [];
    private readonly List<long> _positions = [];
    private readonly List<long> _targets = [];
    private readonly List<long> _sequences = [];
    private readonly List<int> _lengths = [];

    /// <summary>Adds a sequence; its last token is a target alone, since nothing follows it.</summary>
    public void Add(ReadOnlySpan<int> ids, Func<int, bool> learns)
    {
        for (var index = added.Virtual; index > 0; index--)
        {
            _ids.Add(-index);
        }

        for (var token = 0; token < ids.Length - 1; token++)
        {
            if (learns(token + 1))
            {
                _positions.Add(_ids.Count);
                _targets.Add(ids[token + 1]);
                _sequences.Add(_lengths.Count);
            }

            _ids.Add(ids[token]);
        }

        _lengths.Add(added.Virtual + ids.Length - 1);
    }

    public TokenBatch Build() => new(
        new([.. _lengths], added.Prefix), [.. _ids], [.. _positions], [.. _targets], [.. _sequences]);
}
