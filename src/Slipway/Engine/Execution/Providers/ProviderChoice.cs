using System.Globalization;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Names a provider to try, one of its devices, and the options that it is given.</summary>
/// <param name="Provider">The provider.</param>
/// <param name="Device">The device's place among those of the provider, from 0.</param>
/// <param name="Options">The provider's own options, by name.</param>
/// <param name="IsAutomatic">Whether nobody asked for this provider.</param>
internal sealed record ProviderChoice(
    ExecutionProvider Provider, int Device, IReadOnlyDictionary<string, string> Options, bool IsAutomatic)
{
    private const int MaxDevice = 1 << 10;
    private static readonly Dictionary<string, string> None = [];

    /// <summary>The processor, as where nothing else is asked for.</summary>
    public static ProviderChoice Cpu { get; } = new(ExecutionProviders.Cpu, 0, None, IsAutomatic: true);

    /// <summary>The choices of a model's options, the preferred one first.</summary>
    public static IReadOnlyList<ProviderChoice> Read(LanguageModelOptions options)
        => IsAuto(options)
            ? [.. ExecutionProviders.All.Select(provider => new ProviderChoice(
                provider, 0, OptionsOf(options, provider), IsAutomatic: true))]
            : [.. options.ExecutionProviders!.Select(text => Parse(text) is ({ } provider, { } device)
                ? new ProviderChoice(provider, device, OptionsOf(options, provider), IsAutomatic: false)
                : throw new ArgumentException(Error(text), nameof(options)))];

    /// <summary>One sentence for each name that is none, and for each provider whose options nobody reads.</summary>
    public static IEnumerable<string> Errors(LanguageModelOptions options, string prefix)
    {
        var names = options.ExecutionProviders;
        if (names is { Count: 0 })
        {
            yield return $"{prefix}ExecutionProviders is empty; expected at least one of {ExecutionProviders.Names}.";
        }

        foreach (var text in (names ?? []).Where(text => !IsAutoName(text) && Parse(text) is not ({ }, { })))
        {
            yield return $"{prefix}ExecutionProviders: {Error(text)}";
        }

        if (names is { Count: > 1 } && names.Any(IsAutoName))
        {
            yield return $"{prefix}ExecutionProviders has '{ExecutionProviders.Auto}' beside others; expected it "
                + "alone, or the providers in the order to try them in.";
        }

        foreach (var name in options.ExecutionProviderOptions?.Keys ?? [])
        {
            if (ExecutionProviders.Find(name) is not { IsProcessor: false } provider)
            {
                yield return $"{prefix}ExecutionProviderOptions has '{Excerpt.Of(name)}'; expected "
                    + string.Join(
                        " or ", ExecutionProviders.All.Where(row => !row.IsProcessor).Select(row => $"'{row.Name}'"))
                    + ".";
            }
            else if (!IsAuto(options) && names!.All(text => Parse(text).Provider != provider))
            {
                yield return $"{prefix}ExecutionProviderOptions has options of '{provider.Name}', which "
                    + "ExecutionProviders does not list. Add it there, or leave them out.";
            }
        }
    }

    /// <summary>Writes the choice as options name it.</summary>
    public override string ToString() => Provider.IsProcessor
        ? Provider.Name : string.Create(CultureInfo.InvariantCulture, $"{Provider.Name}:{Device}");

    private static bool IsAuto(LanguageModelOptions options)
        => options.ExecutionProviders is null || options.ExecutionProviders.Any(IsAutoName);

    private static bool IsAutoName(string? text)
        => ExecutionProviders.Auto.Equals(text, StringComparison.OrdinalIgnoreCase);

    // A name, or a name, ':' and the place of a device.
    private static (ExecutionProvider? Provider, int? Device) Parse(string? text)
        => (text ?? "").Split(':') switch
        {
            [var name] => (ExecutionProviders.Find(name), 0),
            [var name, var place] when ExecutionProviders.Find(name) is { } provider => (
                provider,
                int.TryParse(place, NumberStyles.None, CultureInfo.InvariantCulture, out var device)
                    && device <= (provider.IsProcessor ? 0 : MaxDevice) ? device : null),
            _ => (null, null),
        };

    private static string Error(string? text) => Parse(text).Provider is { } provider
        ? $"'{Excerpt.Of(text)}' names no device of '{provider.Name}'; expected "
            + (provider.IsProcessor
                ? $"'{provider.Name}' alone." : $"a number from 0 to {MaxDevice}, as in '{provider.Name}:0'.")
        : $"'{Excerpt.Of(text)}' is no execution provider; expected one of {ExecutionProviders.Names}, and after "
            + "':' the number of a device, as in 'cuda:1'.";

    private static IReadOnlyDictionary<string, string> OptionsOf(
        LanguageModelOptions options, ExecutionProvider provider)
        => options.ExecutionProviderOptions?.FirstOrDefault(
            row => ExecutionProviders.Find(row.Key) == provider).Value ?? None;
}
