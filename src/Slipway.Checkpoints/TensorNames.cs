namespace Slipway.Checkpoints;

// Finds tensors by the names that an architecture gives them. Libraries put a model into others ('model.',
// 'language_model.model.') or take it out ('layers.0.…'), so names that differ in such prefixes alone are the same.
internal sealed class TensorNames
{
    // The attributes under which libraries hold a model's body.
    private static readonly HashSet<string> Wrappers = new(StringComparer.Ordinal)
    {
        "model", "language_model", "text_model", "transformer", "gpt_neox", "backbone", "bert", "roberta", "distilbert",
        "mpnet", "base_model", "auto_model", "module", "_orig_mod", "0",
    };

    private readonly IReadOnlyDictionary<string, TensorInfo> _tensors;

    // Null where several tensors have the same name but for prefixes.
    private readonly Dictionary<string, TensorInfo?> _byCore = new(StringComparer.Ordinal);

    public TensorNames(IReadOnlyDictionary<string, TensorInfo> tensors)
    {
        _tensors = tensors;
        foreach (var tensor in tensors.Values)
        {
            var core = Core(tensor.Name);
            _byCore[core] = _byCore.ContainsKey(core) ? null : tensor;
        }
    }

    // The tensor of this very name, else the only one whose name differs in prefixes alone.
    public TensorInfo? Find(string name) =>
        _tensors.TryGetValue(name, out var tensor) ? tensor : _byCore.GetValueOrDefault(Core(name));

    // The name without the prefixes.
    public static string Core(string name)
    {
        var start = 0;
        for (var dot = name.IndexOf('.', start); dot > 0 && Wrappers.Contains(name[start..dot]);
            dot = name.IndexOf('.', start))
        {
            start = dot + 1;
        }

        return name[start..];
    }
}
