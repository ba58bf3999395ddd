namespace Slipway.Guidance;

/// <summary>Lets an answer be only what a grammar allows, and end only where the grammar may.</summary>
/// <param name="automaton">The grammar.</param>
/// <param name="tokens">The vocabulary.</param>
/// <param name="endIds">The tokens that end an answer.</param>
/// <param name="after">The text after which the grammar holds, such as the end of the reasoning; null for at once.</param>
internal sealed class GuidanceProcessor(
    GrammarAutomaton automaton,
    TokenTable tokens,
    IReadOnlyCollection<int> endIds,
    byte[]? after) : ILogitsProcessor
{
    private readonly List<byte> _before = [];
    private bool _holds = after is null;
    private GrammarState? _state;
    private int _read;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // A grammar serves all requests that ask for it, those of other clients of the model too.
        lock (automaton)
        {
            for (; _read < outputIds.Length; _read++)
            {
                Take(tokens.BytesOf(outputIds[_read]));
            }

            if (_holds)
            {
                _state ??= automaton.Start;
                Mask(tokens.Allowed(automaton, _state), _state.MayEnd, logits);
            }
            else
            {
                ForbidEnd(logits);
            }
        }
    }

    private void Mask(ulong[] allowed, bool mayEnd, Span<float> logits)
    {
        Span<float> ends = stackalloc float[endIds.Count];
        var next = 0;
        foreach (var id in endIds)
        {
            ends[next++] = id < logits.Length ? logits[id] : float.NegativeInfinity;
        }

        for (var id = 0; id < logits.Length; id++)
        {
            if (id / 64 >= allowed.Length || (allowed[id / 64] & (1UL << (id % 64))) == 0)
            {
                logits[id] = float.NegativeInfinity;
            }
        }

        next = 0;
        foreach (var id in endIds)
        {
            if (id < logits.Length)
            {
                logits[id] = mayEnd ? ends[next] : float.NegativeInfinity;
            }

            next++;
        }
    }

    private void ForbidEnd(Span<float> logits)
    {
        foreach (var id in endIds)
        {
            if (id < logits.Length)
            {
                logits[id] = float.NegativeInfinity;
            }
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (_holds)
            {
                // What came in one token with the text before it may not fit; the grammar then begins with the next.
                _state = automaton.Next(_state ?? automaton.Start, value) ?? automaton.Start;
                continue;
            }

            _before.Add(value);
            if (_before.Count > after!.Length)
            {
                _before.RemoveAt(0);
            }

            _holds = _before.SequenceEqual(after);
        }
    }
}
