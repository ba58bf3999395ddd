using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using Slipway.Tracing.Interception;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Remembers what a run may change in a module, and puts it back.</summary>
/// <remarks>
/// The training flags, torch's random state, and the fields of the module's parts and of the objects of its own
/// assemblies that they hold, what lambdas keep, and collections.
/// </remarks>
internal sealed class ModuleState : IDisposable
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // Longer arrays of numbers are tables, not counters.
    private const int MaxRemembered = 1 << 16;

    private const BindingFlags Statics =
        BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private readonly torch.nn.Module[] _modules;
    private readonly bool[] _training;
    private readonly torch.Tensor _random;
    private readonly List<(string Name, object Owner, FieldInfo Field, object? Value)> _fields = [];
    private readonly List<(string Name, IList List, object?[] Items)> _lists = [];
    private readonly List<(string Name, IDictionary Map, DictionaryEntry[] Items)> _maps = [];
    private readonly HashSet<object> _seen = new(ReferenceEqualityComparer.Instance);

    public ModuleState(torch.nn.Module module)
    {
        _modules = [module, .. module.named_modules().Select(item => item.module)];
        _training = [.. _modules.Select(part => part.training)];
        _random = torch.get_rng_state();
        foreach (var part in _modules)
        {
            Remember(part);
            RememberStatics(part.GetType());
        }

        // Tables that are made when they are first needed may be kept by any class beside the module.
        foreach (var type in _modules.Select(part => part.GetType().Assembly).Distinct()
            .Where(assembly => !CallPolicy.IsFramework(assembly) && !CallPolicy.IsTorch(assembly))
            .SelectMany(assembly => assembly.GetTypes())
            .Where(type => !type.ContainsGenericParameters && type.GetFields(Statics).Any(
                field => TorchMembers.HoldsTensors(field.FieldType))))
        {
            RememberStatics(type);
        }
    }

    /// <summary>Puts fields back; lists those that had changed.</summary>
    public IReadOnlyList<string> RestoreFields()
    {
        SortedSet<string> changed = new(StringComparer.Ordinal);
        foreach (var (name, owner, field, value) in _fields)
        {
            var target = field.IsStatic ? null : owner;
            if (!IsSame(field.GetValue(target), value))
            {
                changed.Add(name);
                field.SetValue(target, value);
            }
        }

        foreach (var (name, list, items) in _lists)
        {
            if (list.Count != items.Length
                || list.Cast<object?>().Zip(items).Any(pair => !IsSame(pair.First, pair.Second)))
            {
                changed.Add(name);
                Refill(list, items);
            }
        }

        foreach (var (name, map, items) in _maps)
        {
            if (map.Count != items.Length || items.Any(item => !map.Contains(item.Key)
                || !IsSame(map[item.Key], item.Value)))
            {
                changed.Add(name);
                map.Clear();
                foreach (var item in items)
                {
                    map.Add(item.Key, item.Value);
                }
            }
        }

        return [.. changed];
    }

    /// <summary>Lists the tensors that fields and collections hold.</summary>
    public IEnumerable<torch.Tensor> Tensors()
        => _fields.Select(item => item.Value)
            .Concat(_lists.SelectMany(item => item.Items))
            .Concat(_maps.SelectMany(item => item.Items.Select(entry => entry.Value)))
            .OfType<torch.Tensor>();

    public void Dispose()
    {
        _ = RestoreFields();
        RestoreFlags();
        torch.set_rng_state(_random);
        _random.Dispose();
    }

    // 'train' goes down to the parts, so that it is called from the top downwards.
    private void RestoreFlags()
    {
        for (var index = 0; index < _modules.Length; index++)
        {
            if (_modules[index].training != _training[index])
            {
                _modules[index].train(_training[index]);
            }
        }
    }

    private static void Refill(IList list, object?[] items)
    {
        if (list is Array array)
        {
            Array.Copy(items, array, items.Length);
            return;
        }

        list.Clear();
        foreach (var item in items)
        {
            list.Add(item);
        }
    }

    private void Remember(object value)
    {
        if (!_seen.Add(value))
        {
            return;
        }

        for (var type = value.GetType(); type is not null && IsOwn(type); type = type.BaseType)
        {
            foreach (var field in type.GetFields(Declared))
            {
                if (!field.IsLiteral && !field.FieldType.IsByRefLike && !field.FieldType.IsPointer)
                {
                    Remember(value, field);
                }
            }
        }
    }

    private void RememberStatics(Type start)
    {
        for (var type = start; type is not null && IsOwn(type); type = type.BaseType)
        {
            if (!_seen.Add(type))
            {
                continue;
            }

            Initialize(type);
            foreach (var field in type.GetFields(Statics))
            {
                if (!field.IsLiteral && !field.FieldType.IsByRefLike && !field.FieldType.IsPointer)
                {
                    Remember(type, field);
                }
            }
        }
    }

    // Tables that a class makes when it is first used would be made, and disposed, within the scope of a run.
    private static void Initialize(Type type)
    {
        try
        {
            RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        }
        catch (TypeInitializationException)
        {
            // Whoever uses the class is told.
        }
    }

    private void Remember(object owner, FieldInfo field)
    {
        var value = field.GetValue(field.IsStatic ? null : owner);
        if (!(field.IsStatic && field.IsInitOnly))
        {
            _fields.Add((NameOf(field), owner, field, value));
        }

        switch (value)
        {
            case null or string or torch.Tensor:
                break;
            case Delegate action:
                RememberOwn(action.Target);
                break;
            case IDictionary { IsReadOnly: false } map when CallPolicy.IsFramework(map.GetType().Assembly):
                _maps.Add((
                    NameOf(field), map,
                    [.. map.Keys.Cast<object>().Select(key => new DictionaryEntry(key, map[key]))]));
                foreach (var item in map.Values)
                {
                    RememberOwn(item);
                }

                break;
            case Array array when array.Rank > 1
                || (array.Length > MaxRemembered && array.GetType().GetElementType()!.IsPrimitive):
                break;
            case IList list when CallPolicy.IsFramework(list.GetType().Assembly):
                _lists.Add((NameOf(field), list, [.. list.Cast<object?>()]));
                foreach (var item in list)
                {
                    RememberOwn(item);
                }

                break;
            case not null when (value is IEnumerable || value.GetType().Name == "Lazy`1")
                && CallPolicy.IsFramework(value.GetType().Assembly):
                RememberParts(value, field);
                break;
            default:
                RememberOwn(value);
                break;
        }
    }

    // Queues, stacks, sets and lazy values: the arrays and counts that they consist of.
    private void RememberParts(object collection, FieldInfo field)
    {
        for (var type = collection.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (var part in type.GetFields(Declared).Where(part => !part.IsLiteral && !part.IsInitOnly))
            {
                var value = part.GetValue(collection);
                _fields.Add((NameOf(field), collection, part, value));
                if (value is Array { Rank: 1 } array && array.Length <= MaxRemembered)
                {
                    _lists.Add((NameOf(field), array, [.. array.Cast<object?>()]));
                }
            }
        }
    }

    private void RememberOwn(object? value)
    {
        if (value is not null and not torch.Tensor and not string && !value.GetType().IsValueType
            && IsOwn(value.GetType()))
        {
            Remember(value);
        }
    }

    // Tensors compare their elements, and fail once they are disposed.
    private static bool IsSame(object? left, object? right)
        => left is string or ValueType ? left.Equals(right) : ReferenceEquals(left, right);

    private static string NameOf(FieldInfo field) => $"{field.DeclaringType!.Name}.{field.Name}";

    private static bool IsOwn(Type type)
        => !CallPolicy.IsFramework(type.Assembly) && !CallPolicy.IsTorch(type.Assembly);
}
