using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>How a model of some class is built once its configuration is known.</summary>
/// <param name="Layout">The family's file layout.</param>
/// <param name="InitializerRange">Standard deviation of new weights.</param>
/// <param name="NewHead">When the head may be new.</param>
/// <param name="Build">Builds the model over some weights.</param>
internal sealed record ModelPlan<TModel>(CheckpointLayout Layout, double InitializerRange, NewHead NewHead, Func<ModelOrigin, WeightProvider, TModel> Build);

/// <summary>Loads model folders: the configuration first, then a check of every tensor's name and shape, then the tensors.</summary>
internal static class ModelLoader
{
    private const string GenerationFile = "generation_config.json";

    /// <summary>Loads a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Types and quantisation.</param>
    /// <param name="plan">Chooses the family by the configuration.</param>
    public static TModel Load<TModel>(string folder, LoadOptions? options, Func<ModelConfig, ModelPlan<TModel>> plan)
        where TModel : PretrainedModel
    {
        options ??= new LoadOptions();
        options.Validate();
        ModelConfig config = ModelConfig.Load(folder);
        QuantizationConfig? stored = StoredQuantization.Read(config);
        if (stored is not null)
        {
            options = options with { Quantization = StoredQuantization.Combine(stored, options.Quantization) };
        }

        ModelPlan<TModel> model = plan(config);
        ScalarType dtype = options.Dtype ?? ConfiguredDtype(config);
        var origin = new ModelOrigin
        {
            Config = config,
            Layout = model.Layout,
            Dtype = dtype,
            Quantization = options.Quantization,
            Folder = Path.GetFullPath(folder),
            GenerationConfig = GenerationConfig(folder),
        };
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        PackedTensors? packed = stored is null ? null : new PackedTensors(checkpoint, options.Quantization!);
        var names = new CheckpointNames(checkpoint, model.Layout, packed);
        var inspector = new InspectingProvider(name => names.Find(name) is not null);
        using (model.Build(origin, inspector))
        {
            origin = origin with { NewTensors = names.Verify(inspector.Expected, model.NewHead), Quantization = packed?.Describe() ?? origin.Quantization };
        }

        var fresh = new RandomProvider(options, dtype, model.InitializerRange, generator: null);
        return model.Build(origin, new CheckpointProvider(checkpoint, names, packed, options, dtype, fresh));
    }

    /// <summary>Copies a folder's weights into the parameters of a model of the same structure.</summary>
    public static void LoadInto(PretrainedModel model, string folder)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        var names = new CheckpointNames(checkpoint, model.Origin.Layout);
        (string Name, Tensor Tensor)[] tensors = [.. model.named_parameters().DistinctBy(p => p.parameter.Handle).Select(p => (p.name, (Tensor)p.parameter)), .. model.named_buffers()];
        names.Verify([.. tensors.Select(t => new WeightRequest(t.Name, t.Tensor.shape, WeightStart.Random, IsHead: false))], NewHead.Never);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach ((string name, Tensor tensor) in tensors)
        {
            Tensor value = checkpoint.View(names.Find(name)!);
            tensor.copy_(names.IsTransposed(name) ? value.transpose(0, 1) : value);
        }
    }

    /// <summary>Builds a model with random weights.</summary>
    public static TModel Create<TModel>(ModelConfig config, LoadOptions? options, int seed, Func<ModelConfig, ModelPlan<TModel>> plan)
    {
        ArgumentNullException.ThrowIfNull(config);
        options ??= new LoadOptions();
        options.Validate();
        ModelPlan<TModel> model = plan(config);
        ScalarType dtype = options.Dtype ?? ScalarType.Float32;
        var origin = new ModelOrigin { Config = config, Layout = model.Layout, Dtype = dtype, Quantization = options.Quantization };

        // The seed fixes every weight, whatever else draws from the global generator.
        using var generator = new Generator((ulong)seed);
        return model.Build(origin, new RandomProvider(options, dtype, model.InitializerRange, generator));
    }

    /// <summary>Writes what the model was loaded with beside its weights.</summary>
    public static void WriteGenerationConfig(string folder, JsonObject? generation)
    {
        if (generation is not null)
        {
            AtomicFile.WriteText(Path.Combine(folder, GenerationFile), ModelConfig.Write(generation));
        }
    }

    private static JsonObject? GenerationConfig(string folder)
    {
        string path = Path.Combine(folder, GenerationFile);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), null, new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw new ModelFormatException($"'{path}' is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ModelFormatException($"'{path}' is not valid JSON: {e.Message}", e);
        }
    }

    private static ScalarType ConfiguredDtype(ModelConfig config) => config.Text("dtype", config.Text("torch_dtype", "float32")) switch
    {
        "float32" => ScalarType.Float32,
        "float64" => ScalarType.Float64,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        string other => throw config.Error($"dtype '{other}' is not one that weights can have (float32, bfloat16, float16); set LoadOptions.Dtype"),
    };
}
