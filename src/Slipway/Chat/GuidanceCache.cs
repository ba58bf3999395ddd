using System.Text;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>Keeps a model's grammars with all that was worked out for them, and its vocabulary's bytes.</summary>
/// <remarks>Safe for concurrent use.</remarks>
internal sealed class GuidanceCache(LanguageModel model)
{
    private const int MostGrammars = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, GrammarAutomaton> _grammars = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TokenTable> _vocabularies = new(StringComparer.Ordinal);

    /// <summary>Makes the processor of one answer.</summary>
    public GuidanceProcessor NewProcessor(ResponseGuidance guidance, IReadOnlySet<string> tags)
    {
        var tagKey = string.Join('\n', tags.Order(StringComparer.Ordinal));
        var key = $"{tagKey}\n\n{guidance.Key}";
        lock (_lock)
        {
            if (!_vocabularies.TryGetValue(tagKey, out var vocabulary))
            {
                vocabulary = _vocabularies[tagKey] = TokenTable.From(model.Tokenizer, tags);
            }

            if (!_grammars.TryGetValue(key, out var automaton))
            {
                if (_grammars.Count == MostGrammars)
                {
                    _grammars.Clear();
                }

                // States hold the masks of one vocabulary, so a grammar belongs to one.
                automaton = _grammars[key] = new GrammarAutomaton(guidance.Grammar());
            }

            return new(
                automaton,
                vocabulary,
                [.. model.Package.Config.Model.EosTokenId],
                guidance.AfterBytes(),
                Encoding.UTF8.GetBytes(guidance.Prefix));
        }
    }
}
