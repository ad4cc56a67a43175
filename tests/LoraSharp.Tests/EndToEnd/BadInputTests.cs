using System.Text.Json.Nodes;
using LoraSharp.Adapters;
using LoraSharp.CrashHost;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Models;
using LoraSharp.Tests.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp.Tests.EndToEnd;

/// <summary>Bad input ends in one exception that names the cause and the cure, and changes nothing.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public BadInputTests()
    {
        _model = _folder.At("model");
        Directory.CreateDirectory(_model);
        foreach (string file in Directory.EnumerateFiles(Source))
        {
            File.Copy(file, Path.Combine(_model, Path.GetFileName(file)));
        }
    }

    public static TheoryData<string, TrainingOptions> WrongTraining => new()
    {
        { "OutputDirectory is empty", Sft() with { OutputDirectory = " " } },
        { "Epochs is 0", Sft() with { MaxSteps = 0, Epochs = 0 } },
        { "Epochs is NaN", Sft() with { MaxSteps = -1, Epochs = double.NaN } },
        { "BatchSize is 0", Sft() with { BatchSize = 0 } },
        { "EvalBatchSize is 0", Sft() with { EvalBatchSize = 0 } },
        { "GradientAccumulationSteps is -1", Sft() with { GradientAccumulationSteps = -1 } },
        { "LearningRate is NaN", Sft() with { LearningRate = double.NaN } },
        { "LearningRate is -1", Sft() with { LearningRate = -1 } },
        { "WarmupSteps is -1", Sft() with { WarmupSteps = -1 } },
        { "WeightDecay is -1", Sft() with { WeightDecay = -1 } },
        { "MaxGradNorm is -1", Sft() with { MaxGradNorm = -1 } },
        { "LabelSmoothing is 1", Sft() with { LabelSmoothing = 1 } },
        { "LoggingSteps is 0", Sft() with { LoggingSteps = 0 } },
        { "SaveSteps is 0", Sft() with { SaveSteps = 0 } },
        { "EvalSteps is 0", Sft() with { EvalSteps = 0 } },
        { "SaveTotalLimit is 0", Sft() with { SaveTotalLimit = 0 } },
        { "LoggingStrategy is Best", Sft() with { LoggingStrategy = StepStrategy.Best } },
        { "EvalStrategy is Best", Sft() with { EvalStrategy = StepStrategy.Best } },
        { "SaveStrategy is Best, but EvalStrategy is No", Sft() with { SaveStrategy = StepStrategy.Best } },
        { "EvalDelay is -1", Sft() with { EvalDelay = -1 } },
        { "MetricForBestModel is empty", Sft() with { MetricForBestModel = "" } },
        { "LoadBestModelAtEnd needs evaluations", Sft() with { LoadBestModelAtEnd = true } },
        { "SaveStrategy is Steps and EvalStrategy is Epoch", Sft() with { LoadBestModelAtEnd = true, EvalStrategy = StepStrategy.Epoch } },
        { "SaveSteps (3) is not a multiple of EvalSteps (2)", Sft() with { LoadBestModelAtEnd = true, EvalStrategy = StepStrategy.Steps, EvalSteps = 2, SaveSteps = 3 } },
        { "Scheduler ReduceLrOnPlateau follows the evaluations", Sft() with { Scheduler = SchedulerType.ReduceLrOnPlateau } },
        { "Callbacks holds a null", Sft() with { Callbacks = [null!] } },
        { "NeftuneNoiseAlpha is 0", Sft() with { NeftuneNoiseAlpha = 0 } },
        { "RouterLossFactor is -1", Sft() with { RouterLossFactor = -1 } },
        { "RouterLossFactor is 1, but 'llama' has no routers", Sft() with { RouterLossFactor = 1 } },
        { "AdapterDtype is Int64", Sft() with { AdapterDtype = ScalarType.Int64 } },
        { "maximal length (0)", Sft() with { MaxLength = 0 } },
        { "multiple of 0", Sft() with { PadToMultipleOf = 0 } },
        { "Packing needs a maximal length", Sft() with { Packing = true, MaxLength = null } },
        { "Padding-free batches", Sft() with { PaddingFree = true } },
        { "there are no evaluation rows", Sft() with { EvalStrategy = StepStrategy.Epoch } },
    };

    private static string Source => GoldenFolder.ModelFolder("llama-tiny")!;

    private string Weights => Path.Combine(_model, "model.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weight_files_that_are_cut_or_hostile_are_refused()
    {
        byte[] good = File.ReadAllBytes(Weights);
        foreach (byte[] bad in (byte[][])[[], good[..7], good[..100], good[..^1], [.. good, 0], SafeTensorsTestFile.WithLength(good, 1UL << 40), SafeTensorsTestFile.Bytes("[]")])
        {
            File.WriteAllBytes(Weights, bad);
            Assert.Contains(Weights, Assert.Throws<SafeTensorsException>(() => CausalLM.Load(_model)).Message, StringComparison.Ordinal);
        }

        File.Delete(Weights);
        Assert.Contains("neither model.safetensors", Assert.Throws<FileNotFoundException>(() => CausalLM.Load(_model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_usable_configuration_is_refused()
    {
        Assert.Contains("There is no model folder", Assert.Throws<DirectoryNotFoundException>(() => CausalLM.Load(_folder.At("gone"))).Message, StringComparison.Ordinal);
        foreach (string bad in (string[])["", "[]", "null", "{\"model_type\":", "{\"a\":1,\"a\":2}", "{}", "{\"model_type\":5}", "{\"model_type\":\"llama\"}"])
        {
            File.WriteAllText(Path.Combine(_model, "config.json"), bad);
            Assert.Contains("config.json", Assert.Throws<ModelFormatException>(() => CausalLM.Load(_model)).Message, StringComparison.Ordinal);
        }

        File.Delete(Path.Combine(_model, "config.json"));
        Assert.Contains("holds no config.json", Assert.Throws<ModelFormatException>(() => CausalLM.Load(_model)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"mamba\"", "'mamba' is not supported", "llama")]
    [InlineData("vocab_size", "100", "[320, 64]", "[100, 64]")]
    [InlineData("hidden_size", "1000000000", "of the wrong shape", "1000000000")]
    [InlineData("vocab_size", "2000000000", "of the wrong shape", "2000000000")]
    [InlineData("num_hidden_layers", "3", "missing", "model.layers.2.input_layernorm.weight")]
    [InlineData("num_hidden_layers", "1", "unexpected", "model.layers.1.input_layernorm.weight")]
    [InlineData("num_hidden_layers", "\"two\"", "num_hidden_layers", "whole number")]
    [InlineData("num_hidden_layers", "-1", "num_hidden_layers", "-1")]
    [InlineData("num_attention_heads", "0", "num_attention_heads", "0")]
    [InlineData("num_key_value_heads", "3", "num_key_value_heads", "3")]
    [InlineData("rms_norm_eps", "\"small\"", "rms_norm_eps", "a number")]
    [InlineData("hidden_act", "\"magic\"", "magic", "config.json")]
    [InlineData("dtype", "\"int4\"", "int4", "float32")]
    public void A_configuration_that_does_not_fit_is_refused(string key, string value, string message, string other)
    {
        Change(config => config[key] = JsonNode.Parse(value));
        long resident = Environment.WorkingSet;
        string text = Assert.Throws<ModelFormatException>(() => CausalLM.Load(_model)).Message;
        Assert.Contains(message, text, StringComparison.Ordinal);
        Assert.Contains(other, text, StringComparison.Ordinal);
        Assert.InRange(Environment.WorkingSet - resident, long.MinValue, 200L << 20);
    }

    [Fact]
    public void Missing_unexpected_and_misshapen_tensors_are_all_named()
    {
        using (SafeTensorsFile file = SafeTensorsFile.Open(Weights))
        using (var scope = NewDisposeScope())
        {
            Dictionary<string, Tensor> tensors = file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name));
            tensors.Remove("model.norm.weight");
            tensors["model.extra.weight"] = rand(3);
            tensors["lm_head.weight"] = rand(64, 320);
            SafeTensorsWriter.Write(Weights, tensors);
        }

        string message = Assert.Throws<ModelFormatException>(() => CausalLM.Load(_model)).Message;
        foreach (string part in (string[])["1 missing: model.norm.weight", "1 unexpected: model.extra.weight", "lm_head.weight is [64, 320] but the configuration asks for [320, 64]"])
        {
            Assert.Contains(part, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_options_out_of_range_are_named()
    {
        Assert.Contains("Dtype is Int32", Throws<ArgumentException>(new() { Dtype = ScalarType.Int32 }), StringComparison.Ordinal);
        Assert.Contains("NumLabels", Throws<ArgumentOutOfRangeException>(new() { NumLabels = 0 }), StringComparison.Ordinal);
        Assert.Contains("BlockSize", Throws<ArgumentOutOfRangeException>(new() { Quantization = QuantizationConfig.Nf4(blockSize: 48) }), StringComparison.Ordinal);
        Assert.Contains("BlockSize", Throws<ArgumentOutOfRangeException>(new() { Quantization = QuantizationConfig.Fp4(blockSize: 8192) }), StringComparison.Ordinal);
        Assert.Contains("ComputeType is Int8", Throws<ArgumentException>(new() { Quantization = QuantizationConfig.Nf4(computeType: ScalarType.Int8) }), StringComparison.Ordinal);
        Assert.Contains("cannot be quantised", Throws<ArgumentException>(new() { Dtype = ScalarType.Float64, Quantization = QuantizationConfig.Nf4() }), StringComparison.Ordinal);
        Assert.ThrowsAny<OperationCanceledException>(() => CausalLM.Load(_model, new LoadOptions { CancellationToken = new CancellationToken(canceled: true) }));

        string Throws<T>(LoadOptions options)
            where T : Exception => Assert.Throws<T>(() => CausalLM.Load(_model, options)).Message;
    }

    [Fact]
    public void Adapters_that_cannot_be_leave_the_model_as_it_was()
    {
        using CausalLM model = CausalLM.Load(_model);
        string[] names = [.. model.named_parameters().Select(p => p.name)];
        Refused("r is 0", new LoraConfig { R = 0, TargetModules = ["q_proj"] });
        Refused("r is -3", new LoraConfig { R = -3, TargetModules = ["q_proj"] });
        Refused("alpha is NaN", new LoraConfig { Alpha = double.NaN, TargetModules = ["q_proj"] });
        Refused("dropout is 1", new LoraConfig { Dropout = 1, TargetModules = ["q_proj"] });
        Refused("rank pattern 'q_proj' is 0", new LoraConfig { TargetModules = ["q_proj"], RankPattern = [new("q_proj", 0)] });
        Refused("q_proj", new LoraConfig { TargetModules = ["q_porj"] });
        Refused("q_proj", new LoraConfig { TargetModules = "q_porj.*" });
        Refused("not a valid regular expression", new LoraConfig { TargetModules = "(" });
        Refused("similar names", new LoraConfig { TargetModules = ["q_proj"], ModulesToSave = ["lm_haed"] });
        Assert.Throws<AdapterException>(() => model.MergeAndUnload());

        void Refused(string part, LoraConfig config)
        {
            Assert.Contains(part, Assert.Throws<AdapterException>(() => model.AddLora(config)).Message, StringComparison.Ordinal);
            Assert.Empty(model.AdapterNames());
            Assert.Equal(names, model.named_parameters().Select(p => p.name));
            Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
        }
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        string adapter = _folder.At("adapter");
        using (CausalLM other = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!))
        {
            other.AddLora(targetModules: ["q_proj", "gate_proj"]);
            other.SaveAdapter(adapter);
        }

        using CausalLM model = CausalLM.Load(_model);
        string[] names = [.. model.named_parameters().Select(p => p.name)];
        Assert.Contains("another base model", Refused(adapter), StringComparison.Ordinal);
        Assert.Contains("adapter_config.json", Refused(_model), StringComparison.Ordinal);
        Assert.Contains("adapter_config.json", Refused(_folder.At("gone")), StringComparison.Ordinal);
        string config = Path.Combine(adapter, "adapter_config.json"), text = File.ReadAllText(config);
        foreach (string bad in (string[])["", "[]", "null", text[..^10], text.Replace("\"LORA\"", "\"MAGIC\"", StringComparison.Ordinal), text.Replace("\"r\": 8", "\"r\": \"eight\"", StringComparison.Ordinal), text.Replace("\"r\": 8", "\"r\": 0", StringComparison.Ordinal)])
        {
            File.WriteAllText(config, bad);
            Assert.NotEmpty(Refused(adapter));
        }

        File.WriteAllText(config, text);
        File.Delete(Path.Combine(adapter, "adapter_model.safetensors"));
        Assert.Contains("adapter_model.safetensors", Refused(adapter), StringComparison.Ordinal);

        string Refused(string folder)
        {
            string message = Assert.Throws<AdapterException>(() => model.LoadAdapter(folder)).Message;
            Assert.Empty(model.AdapterNames());
            Assert.Equal(names, model.named_parameters().Select(p => p.name));
            Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
            return message;
        }
    }

    [Fact]
    public void A_base_that_is_not_there_is_named()
    {
        string adapter = _folder.At("adapter");
        using (CausalLM model = CausalLM.Load(_model))
        {
            model.AddLora(targetModules: ["q_proj"]);
            model.SaveAdapter(adapter);
        }

        Directory.Move(_model, _folder.At("moved"));
        Assert.Contains("baseFolder", Assert.Throws<AdapterException>(() => CausalLM.LoadAdapter(adapter)).Message, StringComparison.Ordinal);
        using CausalLM found = CausalLM.LoadAdapter(adapter, baseFolder: _folder.At("moved"));
        Assert.Equal(["default"], found.AdapterNames());
    }

    [Fact]
    public void Data_that_cannot_be_trained_on_is_refused()
    {
        using CausalLM model = TinyTraining.Model(_model);
        Tokenizer tokenizer = Tokenizer.Load(_model);
        string csv = _folder.At("data.csv");
        File.WriteAllText(csv, "Patient,Doctor\na,b\n");
        Dataset data = Dataset.Load(csv);
        Assert.Contains("'Patient', 'Doctor'", Refused<InvalidDataException>(data), StringComparison.Ordinal);
        Assert.Contains("no column 'text'; it has 'Patient', 'Doctor'", Assert.Throws<InvalidDataException>(() => Dataset.Load(csv, ["text"])).Message, StringComparison.Ordinal);
        File.WriteAllText(csv, "Patient,Doctor\n");
        Assert.Contains("has no rows", Refused<InvalidDataException>(Dataset.Load(csv)), StringComparison.Ordinal);
        Assert.Contains("has no rows", Refused<InvalidDataException>(TinyTraining.Rows(0)), StringComparison.Ordinal);
        Assert.Contains("Row 1", Refused<InvalidDataException>(Dataset.FromRows([new { input_ids = new[] { 5, 6 } }, new { input_ids = new[] { 5, 320 } }])), StringComparison.Ordinal);
        Assert.Contains("320", Refused<InvalidDataException>(Dataset.FromRows([new { input_ids = new[] { 5, 6 } }, new { input_ids = new[] { 5, 320 } }])), StringComparison.Ordinal);
        Assert.Contains("DropLast", Assert.Throws<TrainingException>(() => new SftTrainer(model, tokenizer, TinyTraining.Rows(3), Sft() with { OutputDirectory = _folder.At("out"), BatchSize = 4, DropLast = true }).Train()).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("out")));

        string Refused<T>(Dataset rows)
            where T : Exception => Assert.Throws<T>(() => new SftTrainer(model, tokenizer, rows, Sft() with { OutputDirectory = _folder.At("out") })).Message;
    }

    [Fact]
    public void A_model_with_nothing_to_train_is_refused()
    {
        using CausalLM model = CausalLM.Load(_model, new LoadOptions { Quantization = QuantizationConfig.Nf4() });
        foreach (Parameter parameter in model.parameters())
        {
            parameter.requires_grad_(false);
        }

        var trainer = new SftTrainer(model, Tokenizer.Load(_model), TinyTraining.Rows(), Sft() with { OutputDirectory = _folder.At("out") });
        Assert.Contains("AddLora", Assert.Throws<TrainingException>(() => trainer.Train()).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("out")));
    }

    [Theory]
    [MemberData(nameof(WrongTraining))]
    public void Training_options_out_of_range_are_named(string message, TrainingOptions options)
    {
        using CausalLM model = CausalLM.Load(_model);
        TokenizedRow[] rows = [new([1, 2, 3], [1, 2, 3])];
        Assert.Contains(message, Assert.Throws<TrainingException>(() => new SftTrainer(model, null, rows, null, (SftOptions)options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_directory_that_is_a_file_is_named()
    {
        using CausalLM model = CausalLM.Load(_model);
        TokenizedRow[] rows = [new([1, 2, 3], [1, 2, 3])];
        SftOptions options = Sft() with { OutputDirectory = Weights };
        Assert.Contains("is a file", Assert.Throws<TrainingException>(() => new SftTrainer(model, null, rows, null, options)).Message, StringComparison.Ordinal);
    }

    private static SftOptions Sft() => TinyTraining.Options("unused", 2);

    private void Change(Action<JsonObject> change)
    {
        string path = Path.Combine(_model, "config.json");
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(path))!;
        change(config);
        File.WriteAllText(path, config.ToJsonString());
    }
}
