using System.Text;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>Ends the reasoning of an answer after so many tokens by forcing the text that closes it.</summary>
/// <remarks>For one answer and one thread at a time. Nothing else of the answer is changed.</remarks>
/// <param name="tokens">The vocabulary.</param>
/// <param name="format">The texts that open and close the reasoning.</param>
/// <param name="closing">The tokens of the closing text; at least one.</param>
/// <param name="startsInReasoning">Whether the prompt has opened the reasoning.</param>
/// <param name="budget">The most tokens between the two texts, wherever they stand in the answer.</param>
internal sealed class ReasoningBudget(
    TokenTable tokens, ReasoningFormat format, IReadOnlyList<int> closing, bool startsInReasoning, int budget)
    : ILogitsProcessor
{
    private readonly byte[] _open = Encoding.UTF8.GetBytes(format.Open);
    private readonly byte[] _close = Encoding.UTF8.GetBytes(format.Close);
    private readonly List<byte> _last = [];
    private bool _isInside = startsInReasoning;
    private bool _isClosing;
    private int _spent;
    private int _closed;
    private int _read;

    /// <inheritdoc/>
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        for (; _read < outputIds.Length; _read++)
        {
            Take(outputIds[_read]);
        }

        _isClosing |= _isInside && _spent >= budget;
        if (_isClosing && closing[_closed] < logits.Length)
        {
            var forced = closing[_closed];
            var logit = float.IsFinite(logits[forced]) ? logits[forced] : 0;
            logits.Fill(float.NegativeInfinity);
            logits[forced] = logit;
        }
    }

    private void Take(int id)
    {
        if (_isClosing)
        {
            _closed++;
            _isClosing = _closed < closing.Count;
        }

        _spent += _isInside ? 1 : 0;
        foreach (var value in tokens.BytesOf(id))
        {
            _last.Add(value);
            if (_last.Count > Math.Max(_open.Length, _close.Length))
            {
                _last.RemoveAt(0);
            }

            var tag = _isInside ? _close : _open;
            if (_last.Count >= tag.Length && _last[^1] == tag[^1] && _last.TakeLast(tag.Length).SequenceEqual(tag))
            {
                _isInside = !_isInside;
                _last.Clear();
                _closed = _isInside ? 0 : _closed;
            }
        }
    }
}
