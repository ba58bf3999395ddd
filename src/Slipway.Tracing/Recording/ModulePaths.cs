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
}
