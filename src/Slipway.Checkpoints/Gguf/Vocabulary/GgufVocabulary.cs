namespace Slipway.Checkpoints.Gguf.Vocabulary;

// The tokens of a GGUF file by id, with their kinds.
internal sealed class GgufVocabulary
{
    public const string BosKey = "tokenizer.ggml.bos_token_id";
    public const string EosKey = "tokenizer.ggml.eos_token_id";
    public const string UnknownKey = "tokenizer.ggml.unknown_token_id";
    public const string PaddingKey = "tokenizer.ggml.padding_token_id";
    private const string TokensKey = "tokenizer.ggml.tokens";
    private const string KindsKey = "tokenizer.ggml.token_type";
    private readonly GgufMetadata _metadata;

    public GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        Tokens = metadata.Texts(TokensKey) ?? throw metadata.Missing(TokensKey);
        var kinds = metadata.Integers(KindsKey);
        if (kinds is not null && kinds.Length != Tokens.Length)
        {
            throw metadata.Bad(KindsKey, $"a list of {kinds.Length}", $"one number for each of {Tokens.Length} tokens");
        }

        Kinds = kinds is null
            ? [.. Enumerable.Repeat(GgufTokenKind.Normal, Tokens.Length)]
            : [.. kinds.Select(kind => (GgufTokenKind)kind)];
    }

    public string[] Tokens { get; }

    public GgufTokenKind[] Kinds { get; }

    // The token that a key names; null where there is no such key.
    public (int Id, string Token)? Named(string key)
    {
        return _metadata.Integer(key) is not { } id ? null
            : id >= 0 && id < Tokens.Length ? ((int)id, Tokens[id])
            : throw _metadata.Bad(key, id, $"the id of one of {Tokens.Length} tokens");
    }
}

internal enum GgufTokenKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
