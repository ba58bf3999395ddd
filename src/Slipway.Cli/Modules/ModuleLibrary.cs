using System.Reflection;
using System.Runtime.Loader;
using Slipway.Checkpoints;
using TorchSharp;

namespace Slipway.Cli.Modules;

/// <summary>Makes modules of an assembly that its author compiled.</summary>
internal sealed class ModuleLibrary
{
    private const int MaxListed = 10;
    private readonly Assembly _assembly;

    private ModuleLibrary(Assembly assembly) => _assembly = assembly;

    /// <summary>Loads an assembly; what it refers to is looked for beside it.</summary>
    /// <exception cref="UsageException">It cannot be loaded.</exception>
    public static ModuleLibrary Load(string path)
    {
        var file = Path.GetFullPath(path);
        if (!File.Exists(file))
        {
            throw new UsageException($"There is no assembly '{path}'. Build the project of the modules first.");
        }

        AssemblyDependencyResolver resolver = new(file);
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            resolver.ResolveAssemblyToPath(name) is { } found ? context.LoadFromAssemblyPath(found) : null;
        try
        {
            return new ModuleLibrary(AssemblyLoadContext.Default.LoadFromAssemblyPath(file));
        }
        catch (Exception exception) when (exception is BadImageFormatException or FileLoadException)
        {
            throw new UsageException($"'{path}' is no .NET assembly that runs here: {exception.Message}");
        }
    }

    /// <summary>Makes a module by its constructor without parameters, or by a static method.</summary>
    /// <exception cref="UsageException">There is no such class or method, or it fails.</exception>
    public torch.nn.Module Create(string? module, string? factory)
    {
        try
        {
            return factory is not null ? FromFactory(factory) : FromConstructor(module);
        }
        catch (ReflectionTypeLoadException exception)
        {
            throw new UsageException(
                $"'{_assembly.Location}' refers to what is not beside it: {exception.LoaderExceptions[0]!.Message} "
                + "Name the assembly in the output folder of its project.");
        }
        catch (TargetInvocationException exception)
        {
            throw new UsageException(
                $"'{factory ?? module}' failed: {exception.InnerException!.Message} Make the module so that it can be "
                + "built without arguments.");
        }
    }

    /// <summary>Copies the weights of a file into a module.</summary>
    /// <exception cref="UsageException">A weight is missing, unknown, or of another shape.</exception>
    public static void LoadWeights(torch.nn.Module module, string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        var weights = module.state_dict();
        var errors = weights
            .Where(item => checkpoint.FindTensor(item.Key)?.Shape.SequenceEqual(item.Value.shape) != true)
            .Select(item => checkpoint.FindTensor(item.Key) is { } found
                ? $"'{item.Key}' has shape {TensorInfo.FormatShape(found.Shape)}; the module's has "
                    + $"{TensorInfo.FormatShape(item.Value.shape)}"
                : $"'{item.Key}' is missing")
            .Concat(checkpoint.Tensors.Keys.Where(name => !weights.ContainsKey(name))
                .Select(name => $"'{name}' is none of the module's"))
            .ToArray();
        if (errors.Length > 0)
        {
            throw new UsageException(
                $"The weights of '{path}' are not those of '{module.GetType().Name}': "
                + $"{string.Join("; ", errors.Take(MaxListed))}{(errors.Length > MaxListed ? "; …" : "")}. Name the "
                + "file that this module saved.");
        }

        using var scope = torch.NewDisposeScope();
        using var gradients = torch.no_grad();
        foreach (var (name, weight) in weights)
        {
            if (weight.is_floating_point())
            {
                var floats = new float[weight.numel()];
                checkpoint.ReadFloats(name, 0, floats);
                weight.copy_(torch.tensor(floats).reshape(weight.shape));
            }
            else
            {
                var bytes = new byte[weight.numel() * weight.element_size()];
                checkpoint.ReadBytes(name, 0, bytes);
                var stored = torch.empty(weight.shape, weight.dtype);
                bytes.CopyTo(stored.bytes);
                weight.copy_(stored);
            }
        }
    }

    private torch.nn.Module FromConstructor(string? name)
    {
        var types = _assembly.GetTypes().Where(type => typeof(torch.nn.Module).IsAssignableFrom(type)
            && type is { IsAbstract: false, ContainsGenericParameters: false }).ToArray();
        var found = name is null ? types : [.. types.Where(type => type.FullName == name || type.Name == name)];
        if (found is not [var only])
        {
            throw new UsageException(
                $"'{_assembly.GetName().Name}' has {(found.Length == 0 ? "no" : "several")} module"
                + $"{(name is null ? "s to choose from" : $" '{name}'")}; its modules are {List(types)}. Name one by "
                + "--module with its namespace.");
        }

        return Array.Find(only.GetConstructors(), constructor => constructor.GetParameters()
            .All(parameter => parameter.IsOptional)) is { } made
            ? (torch.nn.Module)made.Invoke([.. made.GetParameters().Select(parameter => parameter.DefaultValue)])
            : throw new UsageException(
                $"'{only.FullName}' has no constructor without parameters. Write a static method that returns one, and "
                + "name it by '--factory Type.Method'.");
    }

    private torch.nn.Module FromFactory(string name)
    {
        var dot = name.LastIndexOf('.');
        var type = dot < 0 ? null : _assembly.GetType(name[..dot])
            ?? Array.Find(_assembly.GetTypes(), candidate => candidate.Name == name[..dot]);
        var method = type?.GetMethod(
            name[(dot + 1)..], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic, []);
        return method is not null && typeof(torch.nn.Module).IsAssignableFrom(method.ReturnType)
            ? (torch.nn.Module)method.Invoke(null, null)!
            : throw new UsageException(
                $"'{_assembly.GetName().Name}' has no static method '{name}' without parameters that returns a "
                + "module. Name one as 'Type.Method'.");
    }

    private static string List(Type[] types) => types.Length == 0 ? "none" : string.Join(
        ", ", types.Take(MaxListed).Select(type => $"'{type.FullName}'")) + (types.Length > MaxListed ? ", …" : "");
}
