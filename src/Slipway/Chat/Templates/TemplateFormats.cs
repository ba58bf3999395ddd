using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Finds how the model of a package writes calls and reasoning, once for each of its templates.</summary>
/// <param name="templates">The package's templates.</param>
/// <param name="isSpecial">Tells whether a text is one special token of the tokenizer.</param>
/// <param name="options">Formats of the caller's own.</param>
/// <param name="manifest">Names that the package itself gives; null for none.</param>
internal sealed class TemplateFormats(
    PackageTemplates templates,
    Func<string, bool> isSpecial,
    ChatFormatOptions options,
    PackageManifest? manifest)
{
    private readonly Lazy<TemplateTraits?>[] _traits = [.. new[] { false, true }.Select(
        withTools => new Lazy<TemplateTraits?>(() => Find(
            templates.Template(withTools), templates, isSpecial, options, manifest)))];

    /// <summary>Traits of the template that a request uses; null where the package has none.</summary>
    /// <exception cref="NotSupportedException">A format is named that is not known.</exception>
    public TemplateTraits? Traits(bool withTools) => _traits[withTools ? 1 : 0].Value;

    /// <summary>The texts with which answers mark calls and thoughts.</summary>
    public IEnumerable<string> Tags => new[] { Traits(withTools: false), Traits(withTools: true) }
        .OfType<TemplateTraits>().SelectMany(traits => AnswerTexts(traits.Reasoning, traits.Calls)).Distinct();

    /// <summary>The texts with which answers of two formats mark thoughts and calls.</summary>
    public static IEnumerable<string> AnswerTexts(ReasoningFormat? reasoning, ToolCallFormat? calls)
        =>
        [
            .. reasoning is null ? [] : new[] { reasoning.Open, reasoning.Close }.Concat(reasoning.Markup),
            .. (calls is null ? [] : new[] { calls }.Concat(calls.OtherForms)).SelectMany(
                form => new[] { form.Open }.Concat(form.FurtherTags).Concat(form.Markup)),
        ];

    private static TemplateTraits? Find(
        ChatTemplate? template,
        PackageTemplates templates,
        Func<string, bool> isSpecial,
        ChatFormatOptions options,
        PackageManifest? manifest)
    {
        if (template is null)
        {
            return null;
        }

        IReadOnlyList<ToolCallFormat> formats = [.. options.ToolCallFormats, .. ToolCallFormats.All];
        var traits = new TemplateProbe(template, templates.AddTo, isSpecial, formats).Find();
        if ((options.ToolCallFormat ?? manifest?.ToolCallFormat) is { } calls)
        {
            traits = traits with
            {
                Calls = formats.FirstOrDefault(format => format.Name == calls)
                    ?? throw Unknown("tool-call format", calls, formats.Select(format => format.Name)),
            };
        }

        return (options.ReasoningFormat ?? manifest?.ReasoningFormat) is { } reasoning
            ? traits with
            {
                Reasoning = ReasoningFormats.All.FirstOrDefault(format => format.Name == reasoning)
                    ?? throw Unknown("reasoning format", reasoning, ReasoningFormats.All.Select(format => format.Name)),
            }
            : traits;
    }

    private static NotSupportedException Unknown(string kind, string name, IEnumerable<string> known)
        => new(
            $"The {kind} '{Excerpt.Of(name)}' is not known; expected one of {Excerpt.OfList(known)}. Correct the "
            + "name in the client's options or in 'slipway.json'.");
}

/// <summary>Says which formats a caller names or brings.</summary>
/// <param name="ToolCallFormats">Formats of the caller's own, asked before the built-in ones.</param>
/// <param name="ToolCallFormat">The name of the format of calls; null to find it.</param>
/// <param name="ReasoningFormat">The name of the format of reasoning; null to find it.</param>
/// <param name="ChatTemplate">The source of a template in place of the package's; null for that.</param>
internal sealed record ChatFormatOptions(
    IReadOnlyList<ToolCallFormat> ToolCallFormats,
    string? ToolCallFormat,
    string? ReasoningFormat,
    string? ChatTemplate)
{
    /// <summary>Nothing of the caller's own.</summary>
    public static ChatFormatOptions None { get; } = new([], null, null, null);
}
