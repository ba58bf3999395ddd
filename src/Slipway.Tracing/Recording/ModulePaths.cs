using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Knows the paths of a module's parts.</summary>
internal sealed class ModulePaths
{
    private readonly Dictionary<torch.nn.Module, string> _paths = new(ReferenceEqualityComparer.Instance);

    public ModulePaths(torch.nn.Module root)
    {
        _paths.Add(root, "");
        foreach (var (name, module) in root.named_modules())
        {
            _paths.TryAdd(module, name);
        }
    }

    /// <summary>The path; null for a module that is not registered.</summary>
    public string? Find(torch.nn.Module module) => _paths.GetValueOrDefault(module);

    /// <summary>The path as nodes are named by it: <c>/layers.0/attention</c> for <c>layers.0.attention</c>.</summary>
    public static string Scope(string path)
    {
        List<string> joined = [];
        foreach (var segment in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (joined.Count > 0 && segment.All(char.IsAsciiDigit))
            {
                joined[^1] += $".{segment}";
            }
            else
            {
                joined.Add(segment);
            }
        }

        return string.Concat(joined.Select(segment => $"/{segment}"));
    }
}
