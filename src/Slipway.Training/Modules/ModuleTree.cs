using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Registers modules and parameters by paths with dots, through groups that the paths name.</summary>
internal static class ModuleTree
{
    /// <summary>Registers a module.</summary>
    /// <param name="root">The module that the path starts from.</param>
    /// <param name="path">Names with dots between them.</param>
    /// <param name="create">Makes the module by the path's last name.</param>
    public static T Add<T>(nn.Module root, string path, Func<string, T> create)
        where T : nn.Module
    {
        var (parent, name) = Parent(root, path);
        var module = create(name);
        parent.register_module(name, module);
        return module;
    }

    /// <summary>Registers a parameter.</summary>
    public static Parameter Add(nn.Module root, string path, Parameter parameter)
    {
        var (parent, name) = Parent(root, path);
        parent.register_parameter(name, parameter);
        return parameter;
    }

    private static (nn.Module Parent, string Name) Parent(nn.Module root, string path)
    {
        var names = path.Split('.');
        foreach (var name in names[..^1])
        {
            var next = root.named_children().FirstOrDefault(child => child.name == name).module;
            if (next is null)
            {
                next = new ModuleGroup(name);
                root.register_module(name, next);
            }

            root = next;
        }

        return (root, names[^1]);
    }
}
