using System.Text;
using Slipway.Tokenization;

namespace Slipway.Guidance;

/// <summary>Keeps a model's grammars with all that was worked out for them, and its vocabulary's bytes.</summary>
/// <remarks>Safe for concurrent use.</remarks>
/// <param name="tokenizer">The model's.</param>
/// <param name="endIds">The tokens that end an answer.</param>
internal sealed class GuidanceCache(HuggingFaceTokenizer tokenizer, IReadOnlyList<int> endIds)
{
    private const int MaxGrammars = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, GrammarAutomaton> _grammars = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TokenTable> _vocabularies = new(StringComparer.Ordinal);

    /// <summary>Makes the processor of one answer.</summary>
    /// <param name="grammar">What the answer may be.</param>
    /// <param name="furtherEndIds">Tokens that end this answer too.</param>
    public GuidanceProcessor NewProcessor(GuidanceGrammar grammar, IReadOnlyList<int> furtherEndIds)
        => NewProcessor(
            grammar.Key, () => grammar.Element, new HashSet<string>(), [.. endIds, .. furtherEndIds], null, "");

    /// <summary>Makes the processor of one answer in a chat.</summary>
    /// <param name="key">Equal for equal grammars.</param>
    /// <param name="grammar">Makes the grammar.</param>
    /// <param name="tags">Special tokens that count as text.</param>
    /// <param name="after">The text after which the grammar holds; null for from the start.</param>
    /// <param name="prefix">What of the grammar's text stands in the prompt already.</param>
    public GuidanceProcessor NewProcessor(
        string key, Func<GrammarElement> grammar, IReadOnlySet<string> tags, string? after, string prefix)
        => NewProcessor(key, grammar, tags, [.. endIds], after, prefix);

    /// <summary>The bytes of the vocabulary's tokens.</summary>
    /// <param name="tags">Special tokens that count as text.</param>
    public TokenTable Vocabulary(IReadOnlySet<string> tags)
    {
        var key = string.Join('\n', tags.Order(StringComparer.Ordinal));
        lock (_lock)
        {
            return _vocabularies.TryGetValue(key, out var vocabulary)
                ? vocabulary : _vocabularies[key] = TokenTable.From(tokenizer, tags);
        }
    }

    private GuidanceProcessor NewProcessor(
        string key, Func<GrammarElement> grammar, IReadOnlySet<string> tags, int[] ends, string? after, string prefix)
    {
        var tagKey = string.Join('\n', tags.Order(StringComparer.Ordinal));
        var grammarKey = $"{tagKey}\n\n{key}";
        TokenTable? vocabulary;
        GrammarAutomaton? automaton;
        lock (_lock)
        {
            if (!_vocabularies.TryGetValue(tagKey, out vocabulary))
            {
                vocabulary = _vocabularies[tagKey] = TokenTable.From(tokenizer, tags);
            }

            _grammars.TryGetValue(grammarKey, out automaton);
        }

        // Made outside the lock: a large grammar takes a while, and other requests must not wait for it.
        if (automaton is null)
        {
            var made = new GrammarAutomaton(grammar());
            lock (_lock)
            {
                if (!_grammars.TryGetValue(grammarKey, out automaton))
                {
                    if (_grammars.Count == MaxGrammars)
                    {
                        _grammars.Clear();
                    }

                    // States hold the masks of one vocabulary, so a grammar belongs to one.
                    automaton = _grammars[grammarKey] = made;
                }
            }
        }

        return new(
            automaton,
            vocabulary,
            ends,
            after is null ? null : Encoding.UTF8.GetBytes(after),
            Encoding.UTF8.GetBytes(prefix));
    }
}
