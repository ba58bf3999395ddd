using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>A module that gives others a common name and computes nothing.</summary>
internal sealed class ModuleGroup : nn.Module
{
    public ModuleGroup(string name, params ReadOnlySpan<nn.Module> modules)
        : base(name)
    {
        foreach (var module in modules)
        {
            register_module(module.GetName(), module);
        }
    }
}
