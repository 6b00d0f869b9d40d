// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/command_tree.h"

#include "tools/config/version.h"

namespace afterimage::cli {
namespace {

// A switch that sets an enum.
template <typename E>
CLI::Option* add_switch(CLI::App& command, const std::string& name, E& out, E value, const std::string& help) {
  return command.add_flag_callback(name, [&out, value] { out = value; }, help);
}

// An option that may be given several times, each with one value.
CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& out,
                          const std::string& help) {
  return command.add_option(name, out, help)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

constexpr const char* point_help = "a sequence number, latest, oldest, a time, or a duration ago (2h)";

}  // namespace

CommandTree::CommandTree() : app_("Block-level replication of disk images, with recovery points", "afterimage") {
  app_.require_subcommand(1);
  app_.set_version_flag("--version", std::string("afterimage ") + tools::program_version());
  app_.set_help_flag("-h,--help", "Show this help and exit");
  app_.footer("'afterimage COMMAND --help' tells more of a command; afterimage(1) tells all.");
  add_common(app_, Takes::socket);
  add_host(app_);
  add_trust(app_);
  add_protecting(app_);
  add_machine_verbs(app_);
  add_recovering(app_);
  add_media(app_);
  add_jobs(app_);
  add_offline(app_);
}

void CommandTree::add_common(CLI::App& command, Takes takes) {
  const auto has = [takes](Takes one) { return (static_cast<unsigned>(takes) & static_cast<unsigned>(one)) != 0; };
  Common& common = invocation_.common;
  if (has(Takes::dry_run)) {
    add_switch(command, "--dry-run", common.execution, host::Execution::dry_run,
               "Show what would be done, change nothing");
  }
  if (has(Takes::detach)) {
    add_switch(command, "--detach", common.wait, Wait::detach, "Return at once; the job goes on in the daemon");
  }
  add_switch(command, "--json", common.form, Form::json, "Print one JSON document");
  if (has(Takes::socket)) {
    command.add_option("--socket", common.socket, "The daemon's control socket")->type_name("PATH");
  }
}

template <typename Arguments>
Arguments& CommandTree::add(CLI::App& parent, const std::string& name, const std::string& help, Takes takes,
                            CLI::App*& command) {
  auto arguments = std::make_shared<Arguments>();
  kept_.push_back(arguments);
  command = parent.add_subcommand(name, help);
  // CLI11 calls the inner command first, then those around it.
  command->callback([this, arguments, command] {
    if (command->get_subcommands().empty()) invocation_.command = *arguments;
  });
  add_common(*command, takes);
  return *arguments;
}

void CommandTree::add_host(CLI::App& app) {
  CLI::App* host = app.add_subcommand("host", "Set this host up");
  host->require_subcommand(1);
  CLI::App* command = nullptr;
  auto& init =
      add<HostInit>(*host, "init", "Make a configuration, an identity and the stores", Takes::dry_run, command);
  command->add_option("--name", init.name, "The host's name, as other hosts show it")->required()->type_name("NAME");
  command->add_option("--dir", init.dir, "Where configuration, keys and state will lie")->required()->type_name("DIR");
  command->add_option("--listen", init.listen, "The address to listen on; every one if it is not given")
      ->type_name("ADDR");
  command->add_option("--replication-port", init.replication_port, "For replication")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT")
      ->capture_default_str();
  command->add_option("--control-port", init.control_port, "For enrolment")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT")
      ->capture_default_str();
  add_repeated(*command, "--store", init.stores, "A folder for replicas; can be given several times")
      ->type_name("[NAME=]PATH");
  add_switch(*command, "--force", init.target, host::TargetExists::overwrite,
             "Write the configuration anew where there is one; identity and stores stay");
}

void CommandTree::add_trust(CLI::App& app) {
  CLI::App* enrol = app.add_subcommand("enrol", "Let hosts trust each other");
  enrol->require_subcommand(1);
  CLI::App* command = nullptr;
  auto& key = add<EnrolKey>(*enrol, "key", "On the replica: print a registration key for one primary",
                            Takes::dry_run | Takes::socket, command);
  command->add_option("--expires", key.expires, "How long it can be used")
      ->type_name("DURATION")
      ->capture_default_str();
  command->add_option("--store", key.store, "Where that primary's machines will lie")->type_name("NAME");
  add_repeated(*command, "--address", key.addresses, "Where the primary reaches this host, if not by its name")
      ->type_name("HOST[:PORT]");

  auto& join = add<EnrolJoin>(*enrol, "join", "On the primary: join the replica that printed the key",
                              Takes::dry_run | Takes::socket, command);
  command->add_option("key", join.key, "The registration key")->required()->type_name("KEY");
  command->add_option("--replica", join.replica, "Where to reach the replica, if not as the key says")
      ->type_name("ADDR");

  CLI::App* peers = nullptr;
  add<Peers>(app, "peers", "Show the hosts that this one knows", Takes::socket, peers);
  peers->require_subcommand(0, 1);
  auto& revoke =
      add<PeersRevoke>(*peers, "revoke", "Trust a host no longer, at once", Takes::dry_run | Takes::socket, command);
  command->add_option("name", revoke.name, "The host")->required()->type_name("NAME");
}

void CommandTree::add_protecting(CLI::App& app) {
  CLI::App* command = nullptr;
  constexpr Takes job = Takes::dry_run | Takes::detach | Takes::socket;
  auto& protect =
      add<Protect>(app, "protect", "Replicate a machine's disks; returns when the first point exists", job, command);
  command->add_option("machine", protect.machine, "A name for the machine")->required()->type_name("MACHINE");
  command->add_option("--replica", protect.replica, "The replica, as 'afterimage peers' shows it")
      ->required()
      ->type_name("NAME|ADDR");
  add_repeated(*command, "--disk", protect.disks, "A disk's image; can be given several times")
      ->required()
      ->type_name("NAME=PATH[,track=scan]");
  command->add_option("--seed", protect.seed, "How the first copy gets there: network, or media (export and import)")
      ->check(CLI::IsMember({"network", "media"}))
      ->type_name("HOW")
      ->capture_default_str();

  auto& sync = add<Sync>(app, "sync", "Run one cycle now; returns when the point exists on the replica", job, command);
  command->add_option("machine", sync.machine, "The machine")->required()->type_name("MACHINE");

  auto& unprotect = add<Unprotect>(app, "unprotect", "Stop replicating a machine", job, command);
  command->add_option("machine", unprotect.machine, "The machine")->required()->type_name("MACHINE");
  add_switch(*command, "--delete-replica", unprotect.replica_removal, host::ReplicaRemoval::remove,
             "Delete its points on the replica too, if the replica lets this host");
}

void CommandTree::add_machine_verbs(CLI::App& app) {
  CLI::App* command = nullptr;
  auto& status = add<ShowStatus>(app, "status", "Show health, state, lag and the last cycle", Takes::socket, command);
  command->add_option("machine", status.machine, "One machine; all if it is not given")->type_name("MACHINE");
  add_switch(*command, "--watch", status.repeat, Repeat::watch, "Show it again and again, until Ctrl-C");
  command->add_option("--interval", status.interval, "Between two looks")->type_name("DURATION")->capture_default_str();

  auto& points = add<Points>(app, "points", "List the recovery points of a machine", Takes::socket, command);
  command->add_option("machine", points.machine, "The machine")->required()->type_name("MACHINE");

  auto& pause = add<Pause>(app, "pause", "Run no cycle of a machine until it is resumed",
                           Takes::dry_run | Takes::socket, command);
  command->add_option("machine", pause.machine, "The machine")->required()->type_name("MACHINE");
  auto& resume =
      add<Resume>(app, "resume", "Replicate a paused machine again", Takes::dry_run | Takes::socket, command);
  command->add_option("machine", resume.machine, "The machine")->required()->type_name("MACHINE");
}

void CommandTree::add_recovering(CLI::App& app) {
  CLI::App* command = nullptr;
  auto& restore = add<Restore>(app, "restore", "Write a disk as it was at a point to an ordinary image file",
                               Takes::dry_run | Takes::detach | Takes::socket, command);
  command->add_option("machine", restore.machine, "The machine")->required()->type_name("MACHINE");
  command->add_option("--point", restore.point, point_help)->type_name("POINT")->capture_default_str();
  command->add_option("--disk", restore.disk, "Which disk")->required()->type_name("NAME");
  command->add_option("--to", restore.to, "The image file, or block device, to write")->required()->type_name("FILE");
  add_switch(*command, "--force", restore.target, host::TargetExists::overwrite, "Write over what is there");

  auto& remove = add<Remove>(app, "remove", "On the replica: remove a machine's replica, its points and its name",
                             Takes::dry_run | Takes::detach | Takes::socket, command);
  command->add_option("machine", remove.machine, "The machine")->required()->type_name("MACHINE");
  add_switch(*command, "--yes", remove.confirmation, host::Confirmation::given,
             "Do it; without it only the plan is shown");

  auto& verify =
      add<Verify>(app, "verify", "Read points against their checksums", Takes::detach | Takes::socket, command);
  command->add_option("machine", verify.machine, "The machine")->required()->type_name("MACHINE");
  CLI::Option* point = command->add_option("--point", verify.point, point_help)->type_name("POINT");
  command->add_flag_callback("--all", [] {}, "All points, which is what happens without --point")->excludes(point);
}

void CommandTree::add_media(CLI::App& app) {
  CLI::App* command = nullptr;
  constexpr Takes job = Takes::dry_run | Takes::detach | Takes::socket;
  auto& exported =
      add<Export>(app, "export", "On the primary: write a machine's seed to a folder that travels", job, command);
  command->add_option("machine", exported.machine, "The machine")->required()->type_name("MACHINE");
  command->add_option("--to", exported.to, "The folder")->required()->type_name("DIR");
  auto& imported = add<Import>(app, "import", "On the replica: take a seed that travelled", job, command);
  command->add_option("folder", imported.from, "The folder")->required()->type_name("DIR");
}

void CommandTree::add_jobs(CLI::App& app) {
  struct Line {
    std::optional<host::JobId> id;
    std::string verb;
  };
  auto line = std::make_shared<Line>();
  CLI::App* command = app.add_subcommand("jobs", "Show jobs, follow one, or cancel it");
  command->add_option("id", line->id, "Follow this job until it ends")->type_name("ID");
  command->add_option("verb", line->verb, "cancel: end the job")->check(CLI::IsMember({"cancel"}))->type_name("cancel");
  add_common(*command, Takes::dry_run | Takes::detach | Takes::socket);
  command->callback([this, line] {
    if (!line->id) {
      invocation_.command = Jobs{};
    } else if (line->verb.empty()) {
      invocation_.command = JobShow{.id = *line->id};
    } else {
      invocation_.command = JobCancel{.id = *line->id};
    }
  });
}

void CommandTree::add_offline(CLI::App& app) {
  CLI::App* command = nullptr;
  CLI::App* segment = app.add_subcommand("segment", "Look into segment files; needs no daemon");
  segment->require_subcommand(1);
  auto& inspect = add<SegmentInspect>(*segment, "inspect", "Show what a segment holds", Takes::nothing, command);
  command->add_option("file", inspect.file, "The segment")->required()->type_name("FILE");
  auto& verify = add<SegmentVerify>(*segment, "verify", "Check every byte of a segment", Takes::nothing, command);
  command->add_option("file", verify.file, "The segment")->required()->type_name("FILE");

  CLI::App* image = app.add_subcommand("image", "Look at disk images; needs no daemon");
  image->require_subcommand(1);
  auto& info = add<ImageInfo>(*image, "info", "Show format and size of an image", Takes::nothing, command);
  command->add_option("file", info.file, "The image")->required()->type_name("FILE");
  auto& compare = add<ImageCompare>(*image, "compare", "Compare the content of two images; exit status 1 if it differs",
                                    Takes::nothing, command);
  command->add_option("first", compare.first, "An image")->required()->type_name("A");
  command->add_option("second", compare.second, "Another")->required()->type_name("B");

  auto& completion =
      add<Completion>(app, "completion", "Print a completion script for a shell", Takes::nothing, command);
  command->add_option("shell", completion.shell, "bash or zsh")
      ->required()
      ->transform(CLI::CheckedTransformer(std::map<std::string, Shell>{{"bash", Shell::bash}, {"zsh", Shell::zsh}}))
      ->type_name("SHELL");
}

}  // namespace afterimage::cli
