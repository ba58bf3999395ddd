namespace Slipway.Checkpoints.Gguf.Vocabulary;

// The ways of splitting by the name in 'tokenizer.ggml.pre'. Patterns are those of the models' own tokenizer.json.
internal static class TextSplits
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Symbols = @" ?[^\s\p{L}\p{N}]+[\r\n]*";
    private const string Word = @"[^\r\n\p{L}\p{N}]?\p{L}+";
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";

    private static readonly TextSplit Plain = new();
    private static readonly TextSplit SingleDigits = new() { Before = [json => TextSplit.WriteDigits(json, true)] };

    private static readonly TextSplit Llama3 = new()
    {
        Pattern = $@"{Contractions}|{Word}|\p{{N}}{{1,3}}|{Symbols}|{Spaces}",
        IgnoresMerges = true,
        AddsBos = true,
    };

    private static readonly TextSplit Qwen2 = new()
    {
        Pattern = $@"{Contractions}|{Word}|\p{{N}}|{Symbols}|{Spaces}",
        Composes = true,
    };

    private static readonly TextSplit Tekken = new()
    {
        Pattern = $@"[^\r\n\p{{L}}\p{{N}}]?{Upper}*{Lower}+|[^\r\n\p{{L}}\p{{N}}]?{Upper}+{Lower}*|\p{{N}}| " +
            $@"?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}",
        IgnoresMerges = true,
        AddsBos = true,
    };

    private static readonly TextSplit Gpt4o = new()
    {
        Pattern = $@"[^\r\n\p{{L}}\p{{N}}]?{Upper}*{Lower}+{Contractions}?|[^\r\n\p{{L}}\p{{N}}]?{Upper}+{Lower}*" +
            $@"{Contractions}?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}",
    };

    public static readonly Dictionary<string, TextSplit> ByName = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = Plain,
        ["gpt2"] = Plain,
        ["olmo"] = Plain,
        ["phi-2"] = Plain,
        ["mpt"] = Plain,
        ["starcoder"] = SingleDigits,
        ["refact"] = SingleDigits,
        ["smollm"] = SingleDigits,
        ["codeshell"] = SingleDigits,
        ["command-r"] = SingleDigits with { Composes = true },
        ["llama-bpe"] = Llama3,
        ["llama3"] = Llama3,
        ["llama-v3"] = Llama3,
        ["smaug-bpe"] = Llama3 with { IgnoresMerges = false },
        ["dbrx"] = Llama3 with { IgnoresMerges = false, AddsBos = false },
        ["qwen2"] = Qwen2,
        ["deepseek-r1-qwen"] = Qwen2 with { Composes = false },
        ["tekken"] = Tekken,
        ["gpt-4o"] = Gpt4o,
        ["falcon"] = new()
        {
            Before = [json => TextSplit.WriteSplit(json, @"[!-/:-@\[-`{-~\p{P}]+")],
            After = [json => TextSplit.WriteDigits(json, false), json => TextSplit.WriteSplit(json, "[0-9][0-9][0-9]")],
        },
    };
}
