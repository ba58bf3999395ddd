using System.Numerics;
using Slipway.Sampling;

namespace Slipway.Guidance;

/// <summary>Lets an answer be only what a grammar allows, and end only where the grammar may.</summary>
/// <param name="automaton">The grammar.</param>
/// <param name="tokens">The vocabulary.</param>
/// <param name="endIds">The tokens that end an answer.</param>
/// <param name="after">The text after which the grammar holds, such as the end of the reasoning; null for at
/// once.</param>
/// <param name="prefix">What of the grammar's text stands in the prompt already.</param>
internal sealed class GuidanceProcessor(
    GrammarAutomaton automaton,
    TokenTable tokens,
    IReadOnlyCollection<int> endIds,
    byte[]? after,
    byte[]? prefix = null) : IConstraint
{
    private const int FewBits = 16;

    private readonly List<byte> _before = [];
    private bool _holds = after is null;
    private GrammarState? _state;
    private GrammarState? _masked;
    private int _read;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // A grammar serves all requests that ask for it, those of other clients of the model too.
        lock (automaton)
        {
            var state = Read(outputIds);
            if (!_holds)
            {
                Forbid(endIds, logits);
            }
            else if (state.IsFree)
            {
                Forbid(tokens.Forbidden(automaton, state), logits);
            }
            else
            {
                Mask(tokens.Allowed(automaton, state, _masked), state.MayEnd, logits);
                _masked = state;
            }
        }
    }

    public IReadOnlyList<int> Forced(ReadOnlySpan<int> outputIds)
    {
        lock (automaton)
        {
            var state = Read(outputIds);
            if (!_holds)
            {
                return [];
            }

            var (bytes, end) = automaton.Forced(state);
            var ids = tokens.Encode(bytes);
            return end.IsComplete && endIds.Count == 1 && (ids.Count > 0 || bytes.Length == 0)
                ? [.. ids, endIds.First()]

                // The last one's text may also be the beginning of a token that goes on where there is a choice.
                : [.. ids.SkipLast(1)];
        }
    }

    private GrammarState Read(ReadOnlySpan<int> outputIds)
    {
        if (_state is null)
        {
            _state = automaton.Start;
            Take(prefix);
        }

        for (; _read < outputIds.Length; _read++)
        {
            Take(tokens.BytesOf(outputIds[_read]));
        }

        return _state;
    }

    private void Mask(ulong[] allowed, bool mayEnd, Span<float> logits)
    {
        Span<float> ends = stackalloc float[endIds.Count];
        var next = 0;
        foreach (var id in endIds)
        {
            ends[next++] = id < logits.Length ? logits[id] : float.NegativeInfinity;
        }

        for (var start = 0; start < logits.Length; start += 64)
        {
            var bits = start / 64 < allowed.Length ? allowed[start / 64] : 0;
            Mask(bits, logits.Slice(start, Math.Min(64, logits.Length - start)));
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

    // At most 64 logits: what is rarer, allowed or forbidden, is gone through one by one.
    private static void Mask(ulong bits, Span<float> logits)
    {
        if (logits.Length < 64)
        {
            bits &= (1UL << logits.Length) - 1;
        }

        var count = BitOperations.PopCount(bits);
        if (count == 0)
        {
            logits.Fill(float.NegativeInfinity);
        }
        else if (count < FewBits)
        {
            Span<float> kept = stackalloc float[FewBits];
            var next = 0;
            for (var left = bits; left != 0; left &= left - 1)
            {
                kept[next++] = logits[BitOperations.TrailingZeroCount(left)];
            }

            logits.Fill(float.NegativeInfinity);
            next = 0;
            for (var left = bits; left != 0; left &= left - 1)
            {
                logits[BitOperations.TrailingZeroCount(left)] = kept[next++];
            }
        }
        else
        {
            for (var left = ~bits; left != 0; left &= left - 1)
            {
                var index = BitOperations.TrailingZeroCount(left);
                if (index >= logits.Length)
                {
                    break;
                }

                logits[index] = float.NegativeInfinity;
            }
        }
    }

    private static void Forbid(IReadOnlyCollection<int> ids, Span<float> logits)
    {
        foreach (var id in ids)
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
                _state = automaton.Next(_state!, value) ?? automaton.Start;
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
