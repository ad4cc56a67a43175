using System.Reflection;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>A place in a module from where its computation takes a parameter or buffer, so that another tensor can stand there for a while or for good.</summary>
internal sealed class ParameterSlot
{
    private readonly Action<Tensor> _place;
    private readonly Action<Tensor> _install;

    private ParameterSlot(string path, Func<Tensor> original, bool isBuffer, Action<Tensor> place, Action<Tensor> install)
    {
        Path = path;
        Original = original;
        IsBuffer = isBuffer;
        _place = place;
        _install = install;
    }

    /// <summary>The parameter's name below the module.</summary>
    public string Path { get; }

    /// <summary>What the module holds itself (a dense form of it where it is quantised).</summary>
    public Func<Tensor> Original { get; }

    /// <summary>Whether this is no parameter (a running mean).</summary>
    public bool IsBuffer { get; }

    /// <summary>Lets the computation take another tensor; the module's list of parameters stays as it is.</summary>
    public void Place(Tensor tensor) => _place(tensor);

    /// <summary>Makes another parameter the module's own.</summary>
    public void Install(Tensor tensor) => _install(tensor);

    /// <summary>All places of a module and the modules below it, in the order of their parameters.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">Its path, for errors.</param>
    /// <exception cref="AdapterException">A parameter is kept where it cannot be exchanged.</exception>
    public static IReadOnlyList<ParameterSlot> Of(nn.Module module, string path)
    {
        var slots = new List<ParameterSlot>();
        Collect(module, "", path, slots);
        return slots;
    }

    private static void Collect(nn.Module module, string prefix, string path, List<ParameterSlot> slots)
    {
        if (module is Linear linear)
        {
            slots.Add(OfWeight(linear, prefix));
        }

        foreach (var (name, parameter) in module.named_parameters(recurse: false).ToArray())
        {
            if (module is not Linear || name != "weight")
            {
                slots.Add(OfMember(module, name, prefix, path, parameter, isBuffer: false));
            }
        }

        foreach (var (name, buffer) in module.named_buffers(recurse: false).ToArray())
        {
            slots.Add(OfMember(module, name, prefix, path, buffer, isBuffer: true));
        }

        foreach (var (name, child) in module.named_children())
        {
            Collect(child, $"{prefix}{name}.", path, slots);
        }
    }

    private static ParameterSlot OfWeight(Linear linear, string prefix)
    {
        LinearWeight own = linear.Weight;
        return new ParameterSlot(
            prefix + "weight",
            () => own.Parameter is { } dense ? dense : own.Dequantize(own.Dtype),
            isBuffer: false,
            tensor => linear.ExchangeWeight(own.Parameter is { } dense && ReferenceEquals(dense, tensor) ? own : new DenseWeight((Parameter)tensor), register: false),
            tensor => linear.ExchangeWeight(new DenseWeight((Parameter)tensor)));
    }

    private static ParameterSlot OfMember(nn.Module module, string name, string prefix, string path, Tensor tensor, bool isBuffer)
    {
        Action<Tensor> place = Setter(module, name, tensor)
            ?? throw new AdapterException($"'{prefix}{name}' of '{path}' ({module.GetType().Name}) is held neither in a field nor in a property that can be set, so it cannot have a trained copy.");
        return new ParameterSlot(prefix + name, () => tensor, isBuffer, place, Install);

        void Install(Tensor value)
        {
            place(value);
            if (value is Parameter parameter)
            {
                Registered(module)[name] = parameter;
            }
        }
    }

    // TorchSharp registers a parameter once and for all; its own list is the only place where another can take the name.
    private static IDictionary<string, Parameter> Registered(nn.Module module) =>
        (IDictionary<string, Parameter>)typeof(nn.Module).GetField("_internal_params", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(module)!;

    private static Action<Tensor>? Setter(nn.Module module, string name, Tensor tensor)
    {
        for (Type? type = module.GetType(); type is not null && type != typeof(nn.Module); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (typeof(Tensor).IsAssignableFrom(field.FieldType) && ReferenceEquals(field.GetValue(module), tensor))
                {
                    return value => field.SetValue(module, value);
                }
            }
        }

        // Layers that libtorch itself keeps (TorchSharp's embedding) take a parameter through a property.
        PropertyInfo? property = module.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public);
        return property is { CanWrite: true } && typeof(Tensor).IsAssignableFrom(property.PropertyType) ? value => property.SetValue(module, value) : null;
    }
}
