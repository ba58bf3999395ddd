using System.Globalization;
using Slipway.Guidance.Characters;
using static System.Globalization.UnicodeCategory;

namespace Slipway.Guidance.Regex;

/// <summary>
/// The classes of characters that regular expressions name. Source: ECMA-262, Unicode's general categories.
/// </summary>
internal static class RegexClasses
{
    public static CharacterSet Digit { get; } = CharacterSet.Of([('0', '9')]);

    public static CharacterSet Word { get; } = CharacterSet.Of([('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]);

    public static CharacterSet Space { get; } = CharacterSet.Of(
        [(9, 13), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
        (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]);

    /// <summary>Characters that a dot stands for: all but line ends.</summary>
    public static CharacterSet Dot { get; } = CharacterSet.Of([(10, 10), (13, 13), (0x2028, 0x2029)]).Complement();

    private static readonly (string Short, string Long, UnicodeCategory[] Categories)[] Properties =
    [
        ("L", "Letter", [UppercaseLetter, LowercaseLetter, TitlecaseLetter, ModifierLetter, OtherLetter]),
        ("Lu", "Uppercase_Letter", [UppercaseLetter]),
        ("Ll", "Lowercase_Letter", [LowercaseLetter]),
        ("Lt", "Titlecase_Letter", [TitlecaseLetter]),
        ("Lm", "Modifier_Letter", [ModifierLetter]),
        ("Lo", "Other_Letter", [OtherLetter]),
        ("M", "Mark", [NonSpacingMark, SpacingCombiningMark, EnclosingMark]),
        ("Mn", "Nonspacing_Mark", [NonSpacingMark]),
        ("Mc", "Spacing_Mark", [SpacingCombiningMark]),
        ("Me", "Enclosing_Mark", [EnclosingMark]),
        ("N", "Number", [DecimalDigitNumber, LetterNumber, OtherNumber]),
        ("Nd", "Decimal_Number", [DecimalDigitNumber]),
        ("Nl", "Letter_Number", [LetterNumber]),
        ("No", "Other_Number", [OtherNumber]),
        ("P", "Punctuation", [ConnectorPunctuation, DashPunctuation, OpenPunctuation, ClosePunctuation,
            InitialQuotePunctuation, FinalQuotePunctuation, OtherPunctuation]),
        ("Pc", "Connector_Punctuation", [ConnectorPunctuation]),
        ("Pd", "Dash_Punctuation", [DashPunctuation]),
        ("Ps", "Open_Punctuation", [OpenPunctuation]),
        ("Pe", "Close_Punctuation", [ClosePunctuation]),
        ("Pi", "Initial_Punctuation", [InitialQuotePunctuation]),
        ("Pf", "Final_Punctuation", [FinalQuotePunctuation]),
        ("Po", "Other_Punctuation", [OtherPunctuation]),
        ("S", "Symbol", [MathSymbol, CurrencySymbol, ModifierSymbol, OtherSymbol]),
        ("Sm", "Math_Symbol", [MathSymbol]),
        ("Sc", "Currency_Symbol", [CurrencySymbol]),
        ("Sk", "Modifier_Symbol", [ModifierSymbol]),
        ("So", "Other_Symbol", [OtherSymbol]),
        ("Z", "Separator", [SpaceSeparator, LineSeparator, ParagraphSeparator]),
        ("Zs", "Space_Separator", [SpaceSeparator]),
        ("Zl", "Line_Separator", [LineSeparator]),
        ("Zp", "Paragraph_Separator", [ParagraphSeparator]),
    ];

    /// <summary>
    /// The characters of a property such as <c>L</c> or <c>Letter</c>; null for one that is not known.
    /// </summary>
    public static CharacterSet? OfProperty(string name)
    {
        name = name.StartsWith("gc=", StringComparison.Ordinal) ? name[3..]
            : name.StartsWith("General_Category=", StringComparison.Ordinal) ? name["General_Category=".Length..]
            : name;
        return Array.Find(Properties, row => row.Short == name || row.Long == name).Categories is { } categories
            ? CharacterSet.Of(categories)
            : null;
    }
}
