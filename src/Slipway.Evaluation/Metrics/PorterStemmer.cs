namespace Slipway.Evaluation.Metrics;

/// <summary>Reduces English words to their stems.</summary>
/// <remarks>
/// M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the departures that NLTK makes by
/// default and on which ROUGE's scores therefore depend. Steps and conditions carry the paper's numbers and letters.
/// </remarks>
internal static class PorterStemmer
{
    private delegate bool Condition(string stem);

    private static readonly Dictionary<string, string> IrregularForms = new(StringComparer.Ordinal)
    {
        ["sky"] = "sky", ["skies"] = "sky", ["dying"] = "die", ["lying"] = "lie", ["tying"] = "tie",
        ["news"] = "news", ["innings"] = "inning", ["inning"] = "inning", ["outings"] = "outing",
        ["outing"] = "outing", ["cannings"] = "canning", ["canning"] = "canning", ["howe"] = "howe",
        ["proceed"] = "proceed", ["exceed"] = "exceed", ["succeed"] = "succeed",
    };

    private static readonly Rule[] Step1A = [new("sses", "ss"), new("ies", "i"), new("ss", "ss"), new("s", "")];

    private static readonly Rule[] Step2Rules =
    [
        .. Rules(
            HasMeasure, ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"),
            ("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"),
            ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"),
            ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful")),
        // The l belongs to the stem, so that short ones as in 'geology' count too.
        new("logi", "log", stem => HasMeasure(stem + "l")),
    ];

    private static readonly Rule[] Step3 =
    [
        .. Rules(
            HasMeasure, ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""),
            ("ness", "")),
    ];

    private static readonly Rule[] Step4 =
    [
        .. Rules(
            HasLargeMeasure, ("al", ""), ("ance", ""), ("ence", ""), ("er", ""), ("ic", ""), ("able", ""), ("ible", ""),
            ("ant", ""), ("ement", ""), ("ment", ""), ("ent", "")),
        new("ion", "", stem => HasLargeMeasure(stem) && stem[^1] is ('s' or 't')),
        .. Rules(
            HasLargeMeasure, ("ou", ""), ("ism", ""), ("ate", ""), ("iti", ""), ("ous", ""), ("ive", ""), ("ize", "")),
    ];

    /// <summary>Gives the stem of a word in lower case.</summary>
    public static string Stem(string word)
    {
        if (IrregularForms.TryGetValue(word, out var irregular))
        {
            return irregular;
        }

        if (word.Length <= 2)
        {
            return word;
        }

        word = word.Length == 4 && word.EndsWith("ies", StringComparison.Ordinal) ? word[..^1] : Apply(Step1A, word);
        word = Step1C(Step1B(word));
        word = Apply(Step4, Apply(Step3, Step2(word)));
        return Step5B(Step5A(word));
    }

    private static string Step1B(string word)
    {
        if (word.EndsWith("ied", StringComparison.Ordinal))
        {
            return word.Length == 4 ? word[..^1] : word[..^2];
        }

        if (word.EndsWith("eed", StringComparison.Ordinal))
        {
            return HasMeasure(word[..^3]) ? word[..^1] : word;
        }

        var stem = word.EndsWith("ed", StringComparison.Ordinal) && ContainsVowel(word[..^2]) ? word[..^2]
            : word.EndsWith("ing", StringComparison.Ordinal) && ContainsVowel(word[..^3]) ? word[..^3]
            : null;
        if (stem is null)
        {
            return word;
        }

        if (stem.EndsWith("at", StringComparison.Ordinal) || stem.EndsWith("bl", StringComparison.Ordinal)
            || stem.EndsWith("iz", StringComparison.Ordinal))
        {
            return stem + "e";
        }

        if (EndsWithDoubleConsonant(stem))
        {
            return stem[^1] is 'l' or 's' or 'z' ? stem : stem[..^1];
        }

        return Measure(stem) == 1 && EndsWithShortSyllable(stem) ? stem + "e" : stem;
    }

    private static string Step1C(string word)
        => word[^1] == 'y' && word.Length > 2 && IsConsonant(word, word.Length - 2) ? word[..^1] + "i" : word;

    private static string Step2(string word)
        => word.EndsWith("alli", StringComparison.Ordinal) && HasMeasure(word[..^4])
            ? Step2(word[..^2])
            : Apply(Step2Rules, word);

    private static string Step5A(string word)
        => word.EndsWith('e') && Measure(word[..^1]) is var measure
            && (measure > 1 || (measure == 1 && !EndsWithShortSyllable(word[..^1])))
            ? word[..^1]
            : word;

    private static string Step5B(string word)
        => word.EndsWith("ll", StringComparison.Ordinal) && HasLargeMeasure(word[..^1]) ? word[..^1] : word;

    // The first suffix that fits decides, also where its condition does not hold.
    private static string Apply(Rule[] rules, string word)
    {
        foreach (var rule in rules)
        {
            if (word.EndsWith(rule.Suffix, StringComparison.Ordinal))
            {
                var stem = word[..^rule.Suffix.Length];
                return rule.Condition?.Invoke(stem) ?? true ? stem + rule.Replacement : word;
            }
        }

        return word;
    }

    private static IEnumerable<Rule> Rules(Condition condition, params (string Suffix, string Replacement)[] rules)
        => rules.Select(rule => new Rule(rule.Suffix, rule.Replacement, condition));

    private static bool HasMeasure(string stem) => Measure(stem) > 0;

    private static bool HasLargeMeasure(string stem) => Measure(stem) > 1;

    // m of [C](VC)^m[V]: how often a consonant follows a vowel.
    private static int Measure(string stem)
        => Enumerable.Range(1, Math.Max(0, stem.Length - 1))
            .Count(i => IsConsonant(stem, i) && !IsConsonant(stem, i - 1));

    private static bool ContainsVowel(string stem)
        => Enumerable.Range(0, stem.Length).Any(i => !IsConsonant(stem, i));

    // *d
    private static bool EndsWithDoubleConsonant(string word)
        => word.Length >= 2 && word[^1] == word[^2] && IsConsonant(word, word.Length - 1);

    // *o, and words of a vowel and a consonant.
    private static bool EndsWithShortSyllable(string word)
        => word.Length switch
        {
            2 => !IsConsonant(word, 0) && IsConsonant(word, 1),
            > 2 => IsConsonant(word, word.Length - 3) && !IsConsonant(word, word.Length - 2)
                && IsConsonant(word, word.Length - 1) && word[^1] is not ('w' or 'x' or 'y'),
            _ => false,
        };

    private static bool IsConsonant(string word, int index)
        => word[index] switch
        {
            'a' or 'e' or 'i' or 'o' or 'u' => false,
            'y' => index == 0 || !IsConsonant(word, index - 1),
            _ => true,
        };

    private sealed record Rule(string Suffix, string Replacement, Condition? Condition = null);
}
