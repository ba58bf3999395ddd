using System.Text.RegularExpressions;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>The patterns by which published models split text, compiled with the library.</summary>
/// <remarks>
/// They match as the same text given to <see cref="Regex"/>, but several times as fast and without a start-up cost. A
/// pattern that is not here works as well; to add one is a row.
/// </remarks>
internal static partial class PublishedPatterns
{
    private const RegexOptions Options = RegexOptions.CultureInvariant;
    private const int Milliseconds = 5_000;

    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Word = @"[^\r\n\p{L}\p{N}]?\p{L}+";
    private const string Symbols = @" ?[^\s\p{L}\p{N}]+[\r\n]*";
    private const string PathSymbols = @" ?[^\s\p{L}\p{N}]+[\r\n/]*";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string NotHanUpper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]";
    private const string NotHanLower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]";
    private const string Start = @"[^\r\n\p{L}\p{N}]?";

    public const string Gpt2Text =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Cl100KText = $@"{Contractions}|{Word}|\p{{N}}{{1,3}}|{Symbols}|{Spaces}";
    public const string Qwen2Text = $@"{Contractions}|{Word}|\p{{N}}|{Symbols}|{Spaces}";

    private const string Qwen35Text =
        $@"{Contractions}|{Start}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{Spaces}";

    public const string O200KText =
        $@"{Start}{Upper}*{Lower}+{Contractions}?|{Start}{Upper}+{Lower}*{Contractions}?|\p{{N}}{{1,3}}|"
        + $"{PathSymbols}|{Spaces}";

    private const string TekkenText =
        $@"{Start}{Upper}*{Lower}+|{Start}{Upper}+{Lower}*|\p{{N}}|{PathSymbols}|{Spaces}";

    private const string DeepSeekText =
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
        + Spaces;

    public const string KimiText =
        $@"[\p{{Han}}]+|{Start}{NotHanUpper}*{NotHanLower}+{Contractions}?|{Start}{NotHanUpper}+{NotHanLower}*"
        + $@"{Contractions}?|\p{{N}}{{1,3}}|{Symbols}|{Spaces}";

    private const string DeepSeekKanaText = "[一-龥\u3040-ゟ゠-ヿ]+";

    private const string WordCharactersText =
        @"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D\u24B6-\u24E9]+"
        + @"|[^\s\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D\u24B6-\u24E9]+";

    private static readonly Dictionary<string, Func<Regex>> All = new(StringComparer.Ordinal)
    {
        [Gpt2Text] = Gpt2,
        [Cl100KText] = Cl100K,
        [Qwen2Text] = Qwen2,
        [Qwen35Text] = Qwen35,
        [O200KText] = O200K,
        [TekkenText] = Tekken,
        [DeepSeekText] = DeepSeek,
        [DeepSeekKanaText] = DeepSeekKana,
        [@"\p{N}{1,3}"] = ThreeDigits,
        [@"\p{N}"] = Digit,
        [" {2,}"] = ManySpaces,
    };

    /// <summary>The texts of all compiled patterns.</summary>
    public static IReadOnlyCollection<string> Texts => All.Keys;

    /// <summary>The compiled form of a pattern; null where it is not among them.</summary>
    public static Regex? Find(string pattern) => All.TryGetValue(pattern, out var create) ? create() : null;

    [GeneratedRegex(Gpt2Text, Options, Milliseconds)]
    public static partial Regex Gpt2();

    /// <summary>Runs of word characters, and runs of what is neither that nor white space.</summary>
    [GeneratedRegex(WordCharactersText, Options, Milliseconds)]
    public static partial Regex WordCharacters();

    [GeneratedRegex(Cl100KText, Options, Milliseconds)]
    private static partial Regex Cl100K();

    [GeneratedRegex(Qwen2Text, Options, Milliseconds)]
    private static partial Regex Qwen2();

    [GeneratedRegex(Qwen35Text, Options, Milliseconds)]
    private static partial Regex Qwen35();

    [GeneratedRegex(O200KText, Options, Milliseconds)]
    private static partial Regex O200K();

    [GeneratedRegex(TekkenText, Options, Milliseconds)]
    private static partial Regex Tekken();

    [GeneratedRegex(DeepSeekText, Options, Milliseconds)]
    private static partial Regex DeepSeek();

    [GeneratedRegex(DeepSeekKanaText, Options, Milliseconds)]
    private static partial Regex DeepSeekKana();

    [GeneratedRegex(@"\p{N}{1,3}", Options, Milliseconds)]
    private static partial Regex ThreeDigits();

    [GeneratedRegex(@"\p{N}", Options, Milliseconds)]
    private static partial Regex Digit();

    [GeneratedRegex(" {2,}", Options, Milliseconds)]
    private static partial Regex ManySpaces();
}
