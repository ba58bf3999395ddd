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

    // llama.cpp's, for files that name none: punctuation apart, then GPT-2's words, numbers and threes of digits apart.
    public static readonly TextSplit Default = new()
    {
        Before =
        [
            json => TextSplit.WriteSplit(json, @"[\p{P}\$\+<=>\^~\|]+"),
            json => TextSplit.WriteSplit(
                json, @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"),
            json => TextSplit.WriteSplit(json, @"\p{N}+"),
        ],
        Pattern = "[0-9][0-9][0-9]",
    };

    public static readonly Dictionary<string, TextSplit> ByName = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = Plain,
        ["gpt2"] = Plain,
        ["olmo"] = Plain,
        ["phi-2"] = Plain,
        ["mpt"] = Plain,
        ["jais"] = Plain,
        ["trillion"] = Plain,
        ["exaone4"] = Plain,
        ["gigachat"] = Plain,
        ["granite-docling"] = Plain,
        ["mellum"] = Plain,
        ["a.x-4.0"] = Plain,
        ["starcoder"] = SingleDigits,
        ["refact"] = SingleDigits,
        ["smollm"] = SingleDigits,
        ["codeshell"] = SingleDigits,
        ["exaone"] = SingleDigits,
        ["minerva-7b"] = SingleDigits,
        ["command-r"] = SingleDigits with { Composes = true },
        ["llama-bpe"] = Llama3,
        ["llama3"] = Llama3,
        ["llama-v3"] = Llama3,
        ["falcon3"] = Llama3,
        ["falcon-h1"] = Llama3,
        ["pixtral"] = Llama3,
        ["midm-2.0"] = Llama3,
        ["lfm2"] = Llama3,
        ["glm4"] = Llama3 with { IgnoresMerges = false, AddsBos = false },
        ["chatglm-bpe"] = Llama3 with { IgnoresMerges = false, AddsBos = false },
        ["smaug-bpe"] = Llama3 with { IgnoresMerges = false },
        ["dbrx"] = Llama3 with { IgnoresMerges = false, AddsBos = false },
        ["qwen2"] = Qwen2,
        ["deepseek-r1-qwen"] = Qwen2 with { Composes = false },
        ["megrez"] = Qwen2 with { Composes = false },
        ["stablelm2"] = Qwen2 with { Composes = false },
        ["hunyuan"] = Qwen2 with { Composes = false },
        ["kormo"] = Qwen2 with { Composes = false },
        ["grok-2"] = Qwen2 with { Composes = false },
        ["tekken"] = Tekken,
        ["gpt-4o"] = Gpt4o,
        ["llama4"] = Gpt4o,
        ["minimax-m2"] = Gpt4o,
        ["falcon"] = new()
        {
            Before = [json => TextSplit.WriteSplit(json, @"[!-/:-@\[-`{-~\p{P}]+")],
            After = [json => TextSplit.WriteDigits(json, false), json => TextSplit.WriteSplit(json, "[0-9][0-9][0-9]")],
        },
    };
}
