using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests;

/// <summary>A host that loads this library as a plug-in and unloads it.</summary>
public sealed class PluginContextTests : IDisposable
{
    // Large pages are asked for a second after loading, and hold the context until then.
    private const int Attempts = 200;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(nameof(Plugin.LoadAndDispose))]
    [InlineData(nameof(Plugin.GenerateAndDispose))]
    public async Task Unload_AfterLoadAndDispose_FreesTheContext(string method)
    {
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama")))
        {
            Exporter.Export(checkpoint, _folder["package"], new ExportOptions { Precision = Precision.Int4 });
        }

        var context = Run(method, _folder["package"]);
        for (var attempt = 0; attempt < Attempts && context.IsAlive; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.False(context.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Run(string method, string package)
    {
        var context = new PluginContext(typeof(PluginContextTests).Assembly.Location);
        var assembly = context.LoadFromAssemblyPath(typeof(PluginContextTests).Assembly.Location);
        var plugin = assembly.GetType(typeof(Plugin).FullName!)!;
        Assert.NotSame(typeof(Plugin), plugin);
        plugin.GetMethod(method)!.Invoke(null, [package]);
        context.Unload();
        return new WeakReference(context);
    }

    /// <summary>Loads a plug-in and what lies beside it, as the documentation of .NET has it.</summary>
    private sealed class PluginContext(string path) : AssemblyLoadContext("plug-in", isCollectible: true)
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
            => _resolver.ResolveAssemblyToPath(assemblyName) is { } found ? LoadFromAssemblyPath(found) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName)
            => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } found ? LoadUnmanagedDllFromPath(found) : 0;
    }
}

/// <summary>What the plug-in does.</summary>
public static class Plugin
{
    public static void LoadAndDispose(string package) => LanguageModel.Load(package).Dispose();

    public static void GenerateAndDispose(string package)
    {
        using var model = LanguageModel.Load(package);
        var request = new GenerationRequest { PromptIds = [1, 2, 3], MaxOutputTokens = 3, IgnoreEndOfSequence = true };
        Assert.Equal(3, model.GenerateAsync(request).ToBlockingEnumerable().Count());
    }
}
