// Makes the model that samples/Quickstart brings along: writes a corpus, trains a tokenizer on it, and trains a small Llama from nothing.
//   dotnet run -c Release --project samples/Pretrain -- [OUTPUT]
using System.CommandLine;
using LoraSharp.Samples.Pretrain;

var defaults = new PretrainSettings();
var output = new Argument<string>("output")
{
    Description = "Folder of the model.",
    DefaultValueFactory = _ => Path.Combine("samples", "Quickstart", "model"),
};
var epochs = new Option<double>("--epochs") { Description = "Passes over the corpus.", DefaultValueFactory = _ => defaults.Epochs };
var hidden = new Option<int>("--hidden") { Description = "Width of the model, a multiple of 8.", DefaultValueFactory = _ => defaults.HiddenSize };
var layers = new Option<int>("--layers") { Description = "Decoder layers.", DefaultValueFactory = _ => defaults.Layers };
var seed = new Option<int>("--seed") { Description = "Fixes corpus, first weights and order.", DefaultValueFactory = _ => defaults.Seed };
var threads = new Option<int>("--threads")
{
    Description = "Threads of the matrix products; more than there are free cores is slower, not faster.",
    DefaultValueFactory = _ => Math.Min(Environment.ProcessorCount, 4),
};
hidden.Validators.Add(result => Require(result, result.GetValue(hidden) is > 0 and var width && width % 8 == 0, "--hidden must be a multiple of 8 above 0."));
layers.Validators.Add(result => Require(result, result.GetValue(layers) > 0, "--layers must be at least 1."));
epochs.Validators.Add(result => Require(result, result.GetValue(epochs) > 0, "--epochs must be above 0."));
threads.Validators.Add(result => Require(result, result.GetValue(threads) > 0, "--threads must be at least 1."));

var command = new RootCommand("Trains the embedded model of the quickstart sample from nothing.") { output, epochs, hidden, layers, seed, threads };
command.SetAction((options, cancellationToken) => Task.Run(
    () =>
    {
        TorchSharp.torch.set_num_threads(options.GetValue(threads));
        Pretraining.Run(options.GetValue(output)!, new PretrainSettings
        {
            Epochs = options.GetValue(epochs),
            HiddenSize = options.GetValue(hidden),
            Layers = options.GetValue(layers),
            Seed = options.GetValue(seed),
        }, cancellationToken);
    },
    cancellationToken));
return await command.Parse(args).InvokeAsync();

static void Require(System.CommandLine.Parsing.OptionResult result, bool condition, string message)
{
    if (!condition)
        result.AddError(message);
}
